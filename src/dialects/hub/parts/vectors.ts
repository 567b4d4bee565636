const bytesPerNumber = 4
/** Vectors of 32-bit floats are not exactly of length 1. */
const tolerance = 1e-5

/**
 * Reads a vector that is a list of numbers, or the bytes of 32-bit floats (little-endian) in Base64, whichever the
 * endpoint sends.
 * @returns undefined if it is neither, or not finite
 */
export function readVector(value: unknown): readonly number[] | undefined {
  if (typeof value === 'string') return fromBase64(value)
  if (!Array.isArray(value) || value.length === 0) return undefined
  // llama.cpp's `/embedding` returns one vector per pooled sequence.
  const list: readonly unknown[] = value.length === 1 && Array.isArray(value[0]) ? value[0] : value
  return isVector(list) ? list : undefined
}

function isVector(list: readonly unknown[]): list is readonly number[] {
  for (let at = 0; at < list.length; at++) if (!Number.isFinite(list[at])) return false
  return list.length > 0
}

function fromBase64(text: string): number[] | undefined {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length === 0 || bytes.length % bytesPerNumber !== 0) return undefined
  const vector: number[] = []
  for (let at = 0; at < bytes.length; at += bytesPerNumber) {
    const value = bytes.readFloatLE(at)
    if (!Number.isFinite(value)) return undefined
    vector.push(value)
  }
  return vector
}

export function toBase64(vector: readonly number[]): string {
  const bytes = Buffer.allocUnsafe(vector.length * bytesPerNumber)
  for (let at = 0; at < vector.length; at++) bytes.writeFloatLE(vector[at] ?? 0, at * bytesPerNumber)
  return bytes.toString('base64')
}

/** Scales a vector to length 1. A vector of zeros, or of length 1 already, stays as it is. */
export function normalized(vector: readonly number[]): readonly number[] {
  let sum = 0
  for (let at = 0; at < vector.length; at++) sum += (vector[at] ?? 0) ** 2
  const length = Math.sqrt(sum)
  if (length === 0 || !Number.isFinite(length) || Math.abs(length - 1) <= tolerance) return vector
  return vector.map((value) => value / length)
}

/** Cuts a vector as Ollama does for `dimensions`: the rest is scaled to length 1. */
export function cutVector(vector: readonly number[], dimensions: number | undefined): readonly number[] {
  if (dimensions === undefined || dimensions >= vector.length) return vector
  return normalized(vector.slice(0, dimensions))
}
