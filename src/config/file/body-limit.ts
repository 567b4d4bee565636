import type { ServerConfig } from '../schema/schema.ts'

/** `max_body_size` in bytes, of which 0 is no limit, as elsewhere. */
export function bodyLimitOf({ request_limits: { max_body_size: bytes } }: ServerConfig): number {
  return bytes === 0 ? Number.MAX_SAFE_INTEGER : bytes
}
