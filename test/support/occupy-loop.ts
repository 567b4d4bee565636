/** Turns of the event loop that are made long, so that a test that hangs ends. */
const maxTurns = 1_000
const turnMs = 30

/**
 * Blocks each turn of this thread's event loop for a while.
 * @returns a function that ends it
 */
export function occupyLoop(): () => void {
  let turns = 0
  let next = setImmediate(turn)
  function turn(): void {
    burn(turnMs)
    if (++turns < maxTurns) next = setImmediate(turn)
  }
  return () => clearImmediate(next)
}

/** Uses the CPU for a time. */
export function burn(ms: number): void {
  const endMs = performance.now() + ms
  while (performance.now() < endMs);
}
