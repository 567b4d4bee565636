/**
 * Options for Node's sockets and servers. The system counts whole seconds; its default is two hours.
 * @param idleMs silence before the first probe; 0 disables probes
 */
export function tcpKeepAlive(idleMs: number): { keepAlive: boolean; keepAliveInitialDelay: number } {
  return { keepAlive: idleMs > 0, keepAliveInitialDelay: Math.max(1_000, idleMs) }
}
