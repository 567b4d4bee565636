/**
 * 64-bit hash of a key in two halves, not cryptographic: two multiplicative lanes over UTF-16 units, finished with
 * MurmurHash3's final mix. Instances are reused, so that hashing allocates nothing.
 */
export class KeyHash {
  readonly #seeds: Int32Array
  /** Halves of the last hash, signed. */
  high = 0
  low = 0

  /** @param seeds two numbers, the same on all threads that share the hashed data */
  constructor(seeds: Int32Array) {
    this.#seeds = seeds
  }

  /** @param key a string, or a safe integer that is already a hash */
  update(key: string | number): void {
    if (typeof key === 'number') {
      this.high = mix((this.#seeds[0] ?? 0) ^ Math.floor(key / 2 ** 32) ^ Math.imul(key | 0, 0x9e3779b1))
      this.low = mix((this.#seeds[1] ?? 0) ^ key)
    } else {
      this.#text(key)
    }
  }

  #text(text: string): void {
    let a = this.#seeds[0] ?? 0
    let b = this.#seeds[1] ?? 0
    for (let at = 0; at < text.length; at++) {
      const unit = text.charCodeAt(at)
      a = Math.imul(a ^ unit, 0x85ebca77)
      b = Math.imul(b ^ unit, 0xc2b2ae3d)
    }
    a ^= text.length
    this.high = mix(a ^ (b << 9))
    this.low = mix(b ^ Math.imul(a, 0x9e3779b1))
  }
}

function mix(state: number): number {
  let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}
