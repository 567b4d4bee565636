/**
 * Destination of finished lines. Writing never blocks and never throws: lines that cannot be written are dropped and
 * counted.
 */
export interface LogOutput {
  write(text: string): void
  /** Starts writing buffered lines. */
  flush(): void
  /** Calls back once everything is written or cannot be. */
  whenIdle(done: () => void): void
}

/** Maximum buffered characters, so that a stalled reader cannot exhaust memory. */
export const maxPending = 8 * 1024 * 1024
