/** Where finished lines go. Writing never waits and never throws: what cannot be written is dropped and counted. */
export interface LogOutput {
  write(text: string): void
  /** Starts writing what is held back. */
  flush(): void
  /** Calls back once everything is written or cannot be. */
  whenIdle(done: () => void): void
}

/** Characters that wait at most; a reader that has stopped must not take the memory of the gateway. */
export const maxPending = 8 * 1024 * 1024
