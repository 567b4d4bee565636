import type { Socket } from 'node:net'
import { buildConnector } from 'undici'
import { readOnAfterFailedWrites } from '../../http/client/patient-writes.ts'
import { tcpKeepAlive } from '../../http/connections/tcp-keep-alive.ts'

export interface ConnectorOptions {
  /** Milliseconds for the TCP connection; 0 is no limit. */
  readonly connectTimeoutMs: number
  /** Milliseconds for the TLS handshake after it; 0 is no limit. */
  readonly tlsTimeoutMs: number
  /** Milliseconds between TCP keep-alive probes; 0 switches them off. */
  readonly keepAliveMs: number
}

/** A handshake that took longer than `tlsTimeoutMs`. */
class TlsTimeoutError extends Error {
  readonly code = 'ERR_TLS_HANDSHAKE_TIMEOUT'
}

/**
 * Connects with a limit of its own for each stage: undici's single timeout covers TCP and TLS together.
 * The returned function is what undici takes as `connect`.
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
      // undici ends with the end of what is read.
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
