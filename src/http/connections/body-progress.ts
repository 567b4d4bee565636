/** Slower clients than any network that carries bodies; Apache's `MinRate` is 500. */
const minBytesPerSecond = 1_024

/**
 * Whether a body has advanced enough during its time limit to get the same time again. So a body of any size may arrive as
 * long as it keeps arriving, and one that trickles ends.
 * @param bytes that arrived during the limit
 */
export function isAdvancing(bytes: number, limitMs: number): boolean {
  return bytes * 1_000 >= minBytesPerSecond * limitMs
}
