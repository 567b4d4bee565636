const noBytes: Buffer = Buffer.alloc(0)

/** Copies a range of a buffer into its own memory. */
export function copyOf(bytes: Buffer, start: number, end: number): Buffer {
  if (start === end) return noBytes
  const copy = Buffer.allocUnsafe(end - start)
  bytes.copy(copy, 0, start, end)
  return copy
}
