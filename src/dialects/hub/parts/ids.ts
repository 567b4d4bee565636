import { randomBytes } from 'node:crypto'

/** Random bytes per ID, which encode to 24 characters. */
const idBytes = 18
/** Random bytes are generated for many IDs at once, because each call costs at least a microsecond. */
const poolBytes = 256 * idBytes

/** Creates IDs in Anthropic's form: a prefix and 24 random characters. */
export function createIds(random: (bytes: number) => Buffer = randomBytes): (prefix: string) => string {
  let pool = Buffer.alloc(0)
  let at = 0
  return (prefix) => {
    if (at >= pool.length) {
      pool = Buffer.from(random(poolBytes))
      at = 0
    }
    const text = pool.toString('base64url', at, at + idBytes)
    at += idBytes
    return `${prefix}_${text}`
  }
}
