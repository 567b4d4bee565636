import { isatty } from 'node:tty'

/** The signals that stop the gateway gracefully; a second one ends it at once. */
export const stopSignals = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const

/**
 * On a terminal, SIGHUP means that the terminal has closed. Without one, as a service and under `nohup`, it is an
 * operator's request to reload, and must not end the gateway. (`nohup` ignores the signal, but Node resets all signals
 * to their defaults before any script runs; all that remains of `nohup` is that no standard stream is a terminal.)
 */
function hasTerminal(): boolean {
  return isatty(0) || isatty(1) || isatty(2)
}

export interface SignalListeners {
  /** Called with a signal that stops the gateway. */
  stop(signal: NodeJS.Signals): void
  /** Called with the signal that asks for a reload of the configuration. */
  reload(signal: NodeJS.Signals): void
  /** Called with a signal that has no effect here, though it has in other servers. */
  note(signal: NodeJS.Signals): void
}

/**
 * Listens to the signals of operators, but not to crash signals (SIGSEGV, SIGILL, SIGABRT): a handler would return to
 * the failed instruction, forever.
 * @returns a function that stops listening
 */
export function listenToSignals(
  { stop, reload, note }: SignalListeners,
  stopsOnHangup = hasTerminal(),
): () => void {
  const listeners = new Map<NodeJS.Signals, (signal: NodeJS.Signals) => void>()
  for (const signal of stopSignals) listeners.set(signal, stop)
  // Without a listener, SIGUSR1 opens Node's inspector and SIGUSR2 ends the process.
  for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) listeners.set(signal, note)
  listeners.set('SIGHUP', stopsOnHangup ? stop : reload)
  for (const [signal, listener] of listeners) process.on(signal, listener)
  return () => {
    for (const [signal, listener] of listeners) process.off(signal, listener)
  }
}
