/** Freeing less saves nothing. */
export const minFreedBytes = 16_384

/**
 * Frees memory that is not read any more. A buffer's memory lies outside of the heap, where it waits for a collection:
 * with a few large bodies in flight, one full collection followed the other.
 * @param bytes that nothing else holds; freed only where they are all of their memory, not a part of a pool
 * @param bytesBefore in the same memory, which are not read any more either
 */
export function giveBack({ buffer, byteOffset, length }: Buffer, bytesBefore = 0): void {
  const { byteLength } = buffer
  if (byteLength < minFreedBytes || byteOffset !== bytesBefore || byteOffset + length !== byteLength) return
  if (buffer instanceof ArrayBuffer) buffer.transfer(0)
}
