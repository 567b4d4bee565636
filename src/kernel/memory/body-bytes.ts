/** The bytes of a body: whole, or in pieces that follow one another. */
export type BodyBytes = Buffer | readonly Buffer[]

export function piecesOf(body: BodyBytes): readonly Buffer[] {
  return Buffer.isBuffer(body) ? [body] : body
}

export function bytesOf(body: BodyBytes): number {
  if (Buffer.isBuffer(body)) return body.length
  let bytes = 0
  for (const piece of body) bytes += piece.length
  return bytes
}

/** The bytes in one piece. */
export function wholeOf(body: BodyBytes): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.concat(body)
}

/** The bytes of pieces that are not a part of another body's memory. */
export function bytesBeside(body: BodyBytes, other: Buffer): number {
  let bytes = 0
  for (const piece of piecesOf(body)) if (piece.buffer !== other.buffer) bytes += piece.length
  return bytes
}
