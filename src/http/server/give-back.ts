/**
 * Giving less back saves nothing. What comes here was read off a socket, and so lies in memory of its own: never in
 * the pool that Node cuts small buffers from.
 */
const ownMemoryBytes = 16_384

/**
 * No one needs what a read has brought: its memory is free at once.
 * @param bytes the end of what they lie in, before which there is nothing that is still needed
 */
export function giveBackRead({ buffer, byteOffset, length }: Buffer): void {
  const isEnd = byteOffset + length === buffer.byteLength
  if (isEnd && buffer.byteLength >= ownMemoryBytes && buffer instanceof ArrayBuffer) buffer.transfer(0)
}
