/** The bus hands events over after the current turn: waits until what was published has arrived. */
export function settleEvents(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(() => setImmediate(resolve))
  })
}
