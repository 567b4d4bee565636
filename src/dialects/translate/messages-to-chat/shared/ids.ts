import { randomBytes } from 'node:crypto'

/** Random bytes of one ID: 24 characters of it. */
const idBytes = 18
/** They are fetched for many IDs at once: each call to the generator costs a microsecond and more. */
const poolBytes = 256 * idBytes

/** Makes IDs as Anthropic's: a prefix and 24 random characters. */
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
