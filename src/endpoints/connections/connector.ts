import type { Socket } from 'node:net'
import { buildConnector } from 'undici'
import { readOnAfterFailedWrites } from '../../http/client/patient-writes.ts'
import { tcpKeepAlive } from '../../http/connections/tcp-keep-alive.ts'

export interface ConnectorOptions {
  /** Limit of the TCP connect in milliseconds; 0 is unlimited. */
  readonly connectTimeoutMs: number
  /** Limit of the subsequent TLS handshake in milliseconds; 0 is unlimited. */
  readonly tlsTimeoutMs: number
  /** Milliseconds between TCP keep-alive probes; 0 disables them. */
  readonly keepAliveMs: number
}

/** A handshake that took longer than `tlsTimeoutMs`. */
class TlsTimeoutError extends Error {
  readonly code = 'ERR_TLS_HANDSHAKE_TIMEOUT'
}

/**
 * Creates a connector with a limit per stage: undici's single timeout covers TCP and TLS together. The returned
 * function is undici's `connect`.
 */
export function createConnector(options: ConnectorOptions): buildConnector.connector {
  const connect = buildConnector({
    timeout: options.connectTimeoutMs === 0 ? 0 : options.connectTimeoutMs + options.tlsTimeoutMs,
    ...tcpKeepAlive(options.keepAliveMs),
  })
  return (target, callback) => {
    const socket = connect(target, (error, connected) => {
      if (error !== null) {
        callback(error, null)
        return
      }
      // undici handles the end of the readable side.
      readOnAfterFailedWrites(connected, ignore)
      callback(null, connected)
    }) as unknown
    const limitsHandshake = options.tlsTimeoutMs > 0 && target.protocol === 'https:'
    if (limitsHandshake && isSocket(socket)) limitHandshake(socket, options.tlsTimeoutMs)
  }
}

function ignore(): void {}

/** undici's types hide that a connector returns its socket. */
function isSocket(value: unknown): value is Socket {
  return typeof value === 'object' && value !== null && 'destroy' in value && 'once' in value
}

function limitHandshake(socket: Socket, timeoutMs: number): void {
  let timer: NodeJS.Timeout | undefined
  const stop = () => clearTimeout(timer)
  socket.once('connect', () => {
    timer = setTimeout(() => socket.destroy(new TlsTimeoutError('TLS handshake timeout')), timeoutMs)
    timer.unref()
  })
  socket.once('secureConnect', stop)
  socket.once('close', stop)
}
