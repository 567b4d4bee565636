import { hash } from 'node:crypto'

/** Block of SHA-256 in bytes. */
const blockBytes = 64
const digestBytes = 32
/** Of a hash in the configuration. */
const scheme = 'hmac-sha256:'

/**
 * Hashes keys with HMAC-SHA256 (RFC 2104) under the server's secret: a copy of the store without the secret is of no
 * use. The two one-shot hashes take a tenth of the time of `createHmac`, and every
 * request needs them.
 */
export class KeyHasher {
  readonly #inner: Buffer
  readonly #outer: Buffer

  /** @param maxKeyBytes longer keys are rejected */
  constructor(secret: string, maxKeyBytes = 1024) {
    const bytes = Buffer.from(secret)
    const key = Buffer.alloc(blockBytes)
    if (bytes.length > blockBytes) hash('sha256', bytes, 'buffer').copy(key)
    else bytes.copy(key)
    this.#inner = Buffer.alloc(blockBytes + maxKeyBytes)
    this.#outer = Buffer.alloc(blockBytes + digestBytes)
    for (let at = 0; at < blockBytes; at++) {
      this.#inner[at] = (key[at] ?? 0) ^ 0x36
      this.#outer[at] = (key[at] ?? 0) ^ 0x5c
    }
  }

  /** @returns 43 characters of base64url */
  hash(key: string): string {
    const length = this.#inner.write(key, blockBytes)
    // As text: a buffer for the digest would take three times as long.
    const digest = hash('sha256', this.#inner.subarray(0, blockBytes + length), 'binary')
    this.#outer.write(digest, blockBytes, 'binary')
    return hash('sha256', this.#outer, 'base64url')
  }

  /** A value by which a store recognizes the secret that its hashes were made with. */
  get checkValue(): string {
    return this.hash('check value of the secret')
  }
}

/** The hash of a key as the configuration has it. */
export function configHash(hashed: string): string {
  return scheme + hashed
}

/** @param text of the configuration, whose schema has checked the form */
export function readConfigHash(text: string): string {
  return text.slice(scheme.length)
}
