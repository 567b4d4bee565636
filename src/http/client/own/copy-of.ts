const noBytes: Buffer = Buffer.alloc(0)

/** A part of a buffer in memory of its own. */
export function copyOf(bytes: Buffer, start: number, end: number): Buffer {
  if (start === end) return noBytes
  const copy = Buffer.allocUnsafe(end - start)
  bytes.copy(copy, 0, start, end)
  return copy
}
