import { backslash, decodeString } from './json-bytes.ts'

interface Name<T> {
  readonly bytes: Uint8Array
  readonly value: T
}

/** Maps keys in JSON bytes to values. Looking up an unknown key allocates no string. */
export class KeyNames<T> {
  readonly #byLength: (readonly Name<T>[] | undefined)[] = []
  readonly #byText: ReadonlyMap<string, T>

  constructor(names: Iterable<readonly [string, T]>) {
    const byText = new Map(names)
    this.#byText = byText
    for (const [text, value] of byText) {
      const bytes = Buffer.from(text)
      this.#byLength[bytes.length] = [...(this.#byLength[bytes.length] ?? []), { bytes, value }]
    }
  }

  /** @param start offset of the opening quote @param end offset after the closing quote */
  of(body: Buffer, start: number, end: number): T | undefined {
    if (hasEscape(body, start, end)) {
      const text = decodeString(body, start, end)
      return text === undefined ? undefined : this.#byText.get(text)
    }
    for (const { bytes, value } of this.#byLength[end - start - 2] ?? []) {
      if (isAt(body, start + 1, bytes)) return value
    }
    return undefined
  }
}

function hasEscape(body: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (body[at] === backslash) return true
  return false
}

function isAt(body: Buffer, start: number, bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at++) if (body[start + at] !== bytes[at]) return false
  return true
}
