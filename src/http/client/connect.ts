import { connect as connectTcp, isIP, type OnReadOpts, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Clock } from '../../kernel/clock.ts'
import { tcpKeepAlive } from '../connections/tcp-keep-alive.ts'
import { Http1Error } from './errors.ts'

export interface ConnectOptions {
  /** URL with the scheme `http` or `https`. */
  readonly origin: URL
  /** Limit for the TCP connection in milliseconds; 0 means no limit. */
  readonly connectMs: number
  /** Limit for the TLS handshake in milliseconds; 0 means no limit. */
  readonly tlsMs: number
  /** Milliseconds between TCP keep-alive probes; 0 disables them. */
  readonly keepAliveMs: number
  readonly clock: Clock
  /** TLS session of an earlier connection, which shortens the handshake. */
  readonly tlsSession: Buffer | undefined
  readonly onTlsSession: (session: Buffer) => void
  /** Buffer for reads; by default Node allocates its own. */
  readonly onread?: OnReadOpts
}

/**
 * Opens a connection with a separate limit for each stage.
 * @param ready called when the connection can carry requests. Every failure, also a later one, emits `error` and
 * `close` on the socket.
 */
export function openSocket(options: ConnectOptions, ready: () => void): Socket {
  const { origin, onread, keepAliveMs, clock } = options
  const host = origin.hostname.replace(/^\[|\]$/g, '')
  const isTls = origin.protocol === 'https:'
  const target = {
    host,
    port: Number(origin.port) || (isTls ? 443 : 80),
    noDelay: true,
    ...tcpKeepAlive(keepAliveMs),
    ...(onread === undefined ? {} : { onread }),
  }
  const socket = isTls ? openTls() : connectTcp(target)
  let timer = limit(options.connectMs, 'ERR_HTTP1_CONNECT_TIMEOUT', 'connect timeout')
  socket.once('connect', () => {
    timer?.cancel()
    timer = undefined
    if (isTls) timer = limit(options.tlsMs, 'ERR_TLS_HANDSHAKE_TIMEOUT', 'TLS handshake timeout')
    else ready()
  })
  socket.once('close', () => timer?.cancel())
  return socket

  function openTls(): Socket {
    const tls = connectTls({
      ...target,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(options.tlsSession === undefined ? {} : { session: options.tlsSession }),
      ALPNProtocols: ['http/1.1'],
    })
    tls.on('session', options.onTlsSession)
    tls.once('secureConnect', () => {
      timer?.cancel()
      timer = undefined
      ready()
    })
    return tls
  }

  function limit(ms: number, code: 'ERR_HTTP1_CONNECT_TIMEOUT' | 'ERR_TLS_HANDSHAKE_TIMEOUT', what: string) {
    return ms === 0 ? undefined : clock.after(ms, () => socket.destroy(new Http1Error(code, what)))
  }
}
