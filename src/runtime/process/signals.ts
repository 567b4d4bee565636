import { isatty } from 'node:tty'

/** The signals that stop the gateway gracefully; a second one ends it at once. */
export const stopSignals = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const

/**
 * On a terminal SIGHUP says that the terminal is gone. Without one, as a service and under `nohup`, it is an operator's
 * request to reload, and must not end the gateway. (`nohup` has it ignored, but Node sets all signals back to their defaults
 * before any script runs; what `nohup` leaves is that no standard stream is a terminal.)
 */
function hasTerminal(): boolean {
  return isatty(0) || isatty(1) || isatty(2)
}

export interface SignalListeners {
  /** A signal that stops the gateway. */
  stop(signal: NodeJS.Signals): void
  /** A signal that changes nothing here, though it does in other servers. */
  note(signal: NodeJS.Signals): void
}

/**
 * Listens to the signals of operators; not to those of a crash (SIGSEGV, SIGILL, SIGABRT): a handler would return to the
 * instruction that failed, forever.
 * @returns a function that ends it
 */
export function listenToSignals({ stop, note }: SignalListeners, stopsOnHangup = hasTerminal()): () => void {
  const listeners = new Map<NodeJS.Signals, (signal: NodeJS.Signals) => void>()
  for (const signal of stopSignals) listeners.set(signal, stop)
  // Unheard, SIGUSR1 opens Node's inspector, and SIGUSR2 ends the process.
  for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) listeners.set(signal, note)
  listeners.set('SIGHUP', stopsOnHangup ? stop : note)
  for (const [signal, listener] of listeners) process.on(signal, listener)
  return () => {
    for (const [signal, listener] of listeners) process.off(signal, listener)
  }
}
