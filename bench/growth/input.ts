/** About this many bytes: `unit` repeated between `before` and `after`. */
export function repeated(unit: string, bytes: number, before = '', after = ''): Buffer {
  const one = Buffer.from(unit)
  const count = Math.max(1, Math.floor((bytes - before.length - after.length) / one.length))
  return Buffer.concat([Buffer.from(before), Buffer.alloc(count * one.length, one), Buffer.from(after)])
}

/** The elements of a JSON list, with commas between them. */
export function listed(unit: string, bytes: number, before: string, after: string): Buffer {
  return repeated(`${unit},`, bytes, before, `${unit}${after}`)
}

/** The same, with `#` replaced by the element's number. */
export function numbered(unit: string, bytes: number, before: string, after: string): Buffer {
  const count = Math.max(1, Math.floor((bytes - before.length - after.length) / (unit.length + 7)))
  const elements = Array.from({ length: count }, (_, at) => unit.replaceAll('#', String(1_000_000 + at)))
  return Buffer.from(`${before}${elements.join(',')}${after}`)
}

export function inPieces(bytes: Buffer, pieceBytes: number, take: (piece: Buffer) => unknown): void {
  for (let at = 0; at < bytes.length; at += pieceBytes) take(bytes.subarray(at, at + pieceBytes))
}
