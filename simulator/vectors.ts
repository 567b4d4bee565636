import { createHash } from 'node:crypto'
import { Rejection } from './rejections.ts'

const defaultDimensions = 8
const maxDimensions = 8192

/**
 * A vector of length 1 that depends on the text alone, each number exact in 32 bits. With fewer dimensions it is the same
 * vector, cut and scaled, as of a model that was trained for it.
 *
 * @throws Rejection for dimensions out of range
 */
export function embeddingOf(input: unknown, dimensions: unknown = defaultDimensions): number[] {
  if (typeof dimensions !== 'number' || !Number.isInteger(dimensions)) {
    throw new Rejection('bad_request', 'dimensions is not a whole number')
  }
  if (dimensions < 1 || dimensions > maxDimensions) {
    throw new Rejection('bad_request', `dimensions is not between 1 and ${maxDimensions}`)
  }
  const text = typeof input === 'string' ? input : JSON.stringify(input)
  const vector: number[] = []
  for (let block = 0; vector.length < dimensions; block++) {
    const digest = createHash('sha256').update(`${block} ${text}`).digest()
    for (let at = 0; at < digest.length && vector.length < dimensions; at += 2) {
      vector.push((digest.readUInt16BE(at) - 32_768) / 32_768)
    }
  }
  const length = Math.hypot(...vector)
  return vector.map((value) => Math.fround(value / length))
}
