/**
 * Options for Node's sockets and servers. The system counts whole seconds, and waits two hours where it is given none.
 * @param idleMs silence before the first probe; 0 switches probes off
 */
export function tcpKeepAlive(idleMs: number): { keepAlive: boolean; keepAliveInitialDelay: number } {
  return { keepAlive: idleMs > 0, keepAliveInitialDelay: Math.max(1_000, idleMs) }
}
