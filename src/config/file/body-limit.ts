/** Converts `max_body_size` to bytes; 0 means no limit. */
export function bodyLimitOf(bytes: number): number {
  return bytes === 0 ? Number.MAX_SAFE_INTEGER : bytes
}
