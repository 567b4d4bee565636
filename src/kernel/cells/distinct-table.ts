import { ownPlace, type TablePlace } from './table-place.ts'

/** Bits per row: within 5 % up to about 5,000 different values, saturated at about 15,000. */
const bitsPerRow = 2048
const wordsPerRow = bitsPerRow / 32

/**
 * Estimates the number of distinct values per row without keeping the values: linear counting (Whang, Vander-Zanden and
 * Taylor 1990) over one bitmap per row. Bits are only ever set, so threads share it without locks.
 */
export class DistinctTable {
  readonly rows: number
  readonly #words: Int32Array

  constructor(rows: number, place: TablePlace = ownPlace()) {
    this.rows = rows
    this.#words = new Int32Array(
      place.allocate({ kind: 'distinct', rows }, rows * wordsPerRow * Int32Array.BYTES_PER_ELEMENT),
    )
  }

  add(row: number, value: string): void {
    const bit = hash(value) % bitsPerRow
    Atomics.or(this.#words, row * wordsPerRow + (bit >>> 5), 1 << (bit & 31))
  }

  /** Returns an integer; 0 for an empty row. */
  estimate(row: number): number {
    let zeros = 0
    for (let word = row * wordsPerRow; word < (row + 1) * wordsPerRow; word++) {
      zeros += 32 - onesIn(this.#words[word] ?? 0)
    }
    return Math.round(bitsPerRow * Math.log(bitsPerRow / Math.max(1, zeros)))
  }
}

function onesIn(word: number): number {
  let ones = 0
  for (let rest = word; rest !== 0; rest &= rest - 1) ones++
  return ones
}

/** FNV-1a over UTF-16 units, finished with MurmurHash3's final mix: addresses differ in few bits only. */
function hash(value: string): number {
  let state = 0x811c9dc5
  for (let at = 0; at < value.length; at++) state = Math.imul(state ^ value.charCodeAt(at), 0x01000193)
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b)
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35)
  return (state ^ (state >>> 16)) >>> 0
}
