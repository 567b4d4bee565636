/** `max_body_size` in bytes, of which 0 is no limit, as elsewhere. */
export function bodyLimitOf(bytes: number): number {
  return bytes === 0 ? Number.MAX_SAFE_INTEGER : bytes
}
