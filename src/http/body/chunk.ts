import { writeLatin1 } from '../headers/head-parts.ts'

/** Last chunk of a body in the chunked coding, with an empty trailer. */
export const lastChunk = '0\r\n\r\n'

/** Maximum length of a chunk's size and of all line ends around the chunk. */
const lineBytes = 24

/** Maximum length of a coded chunk. @param bytes of its data */
export function maxChunkBytes(bytes: number): number {
  return bytes + lineBytes + lastChunk.length
}

/**
 * Writes one chunk in the chunked coding (RFC 9112 section 7.1).
 * @param memory with room for `maxChunkBytes`
 * @param bytes total length of all parts; at least one
 * @param isLast whether the body ends with this chunk
 * @returns the offset after it
 */
export function writeChunk(
  memory: Buffer,
  offset: number,
  parts: readonly Buffer[],
  bytes: number,
  isLast: boolean,
): number {
  const dataStart = writeLineEnd(memory, writeLatin1(memory, offset, bytes.toString(16)))
  const end = writeLineEnd(memory, writeParts(memory, dataStart, parts))
  return isLast ? writeLatin1(memory, end, lastChunk) : end
}

/** @returns the offset after the parts */
export function writeParts(memory: Buffer, offset: number, parts: readonly Buffer[]): number {
  let at = offset
  for (const part of parts) {
    part.copy(memory, at)
    at += part.length
  }
  return at
}

/** Encodes one chunk in memory of its own. */
export function chunkOf(parts: readonly Buffer[], bytes: number, isLast: boolean): Buffer {
  const memory = Buffer.allocUnsafe(maxChunkBytes(bytes))
  return memory.subarray(0, writeChunk(memory, 0, parts, bytes, isLast))
}

function writeLineEnd(memory: Buffer, at: number): number {
  memory[at] = 0x0d
  memory[at + 1] = 0x0a
  return at + 2
}
