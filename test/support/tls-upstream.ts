import { createServer as createTcpServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { createServer, type TLSSocket } from 'node:tls'
import { type CertificateName, identity } from './certificates.ts'
import { type RawRequest, type RawUpstream, startRawUpstream } from './raw-upstream.ts'

export interface TlsUpstream extends RawUpstream {
  /** Connections whose handshake came to its end, in their order. */
  readonly secured: readonly TLSSocket[]
  /** Ends those connections; new ones are shown this certificate. */
  present(name: CertificateName): void
  /** Ends the connections listed in `secured`; new ones get this in place of a handshake. */
  meetWith(meet: (socket: Socket, handshake: (socket: Socket) => void) => void): void
}

/** A raw upstream behind TLS, at first with a certificate that can be trusted. */
export async function startTlsUpstream(
  t: TestContext,
  answer: (request: RawRequest) => void,
): Promise<TlsUpstream> {
  const secured: TLSSocket[] = []
  const tls = createServer(identity('localhost'))
  const handshake = (socket: Socket): void => {
    tls.emit('connection', socket)
  }
  let meet: (socket: Socket, handshake: (socket: Socket) => void) => void = handshake
  tls.on('tlsClientError', () => {})
  const upstream = await startRawUpstream(t, answer, {
    listener(serve) {
      tls.on('secureConnection', (socket) => {
        secured.push(socket)
        serve(socket)
      })
      return createTcpServer((socket) => {
        socket.on('error', () => {})
        meet(socket, handshake)
      })
    },
  })
  const endAll = () => {
    for (const socket of secured) socket.destroy()
  }
  return {
    ...upstream,
    url: upstream.url.replace('http://127.0.0.1', 'https://localhost'),
    secured,
    present(name) {
      tls.setSecureContext(identity(name))
      meet = handshake
      endAll()
    },
    meetWith(other) {
      meet = other
      endAll()
    },
  }
}
