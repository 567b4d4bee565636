import type { KeyHasher } from './key-hasher.ts'

/**
 * Remembers the last key of each connection with its hash: a client that keeps its connection sends the same key again,
 * and two hashes would be the largest part of what a key costs. The hash is looked up each time, so a revoked key is
 * refused at once. The comparison with what the same connection has sent reveals nothing.
 */
export class ConnectionHashes {
  readonly #hasher: Pick<KeyHasher, 'hash'>
  readonly #last = new WeakMap<object, { key: string; hash: string }>()

  constructor(hasher: Pick<KeyHasher, 'hash'>) {
    this.#hasher = hasher
  }

  of(connection: object, key: string): string {
    const last = this.#last.get(connection)
    if (last === undefined) {
      const hash = this.#hasher.hash(key)
      this.#last.set(connection, { key, hash })
      return hash
    }
    if (last.key !== key) {
      last.hash = this.#hasher.hash(key)
      last.key = key
    }
    return last.hash
  }
}
