import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { Http1Server } from '../../../src/http/server/server.ts'
import { systemClock } from '../../../src/kernel/clock.ts'

export const servers: ReadonlyArray<readonly [string, (handler: RequestListener) => Server]> = [
  ["Node's server", (handler) => createServer(handler)],
  ['our server', (handler) => new Http1Server({ clock: systemClock }, handler)],
]

/** @returns its port */
export async function listen(t: TestContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  return port
}

/** Everything that the server sends until it closes the connection. */
export function exchange(port: number, send: (socket: Socket) => void): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => send(socket))
    let text = ''
    socket.setEncoding('latin1')
    socket.on('data', (part: string) => (text += part))
    socket.on('error', () => {})
    socket.on('close', () => resolve(text))
  })
}

/** Without what changes from one second to the next. */
export function undated(text: string): string {
  return text.replace(/Date: [^\r]*/g, 'Date: now')
}

/** The last request of a connection. */
export const last = 'GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'

/** Answers with all that it has read of the request. */
export const mirror: RequestListener = (request, response) => {
  let body = ''
  request.setEncoding('latin1')
  request.on('data', (part: string) => (body += part))
  request.on('end', () => {
    const { method, url, rawHeaders, headers } = request
    response.end(JSON.stringify([method, url, rawHeaders, headers, body]))
  })
}

/** The answers of Node's server and ours to the same chunks, after which they must close the connection. */
export async function answersOf(t: TestContext, handler: RequestListener) {
  const ports: number[] = []
  for (const [, create] of servers) ports.push(await listen(t, create(handler)))
  return (pieces: readonly string[]): Promise<string[]> =>
    Promise.all(ports.map(async (port) => undated(await exchange(port, (socket) => sendAll(socket, pieces)))))
}

function sendAll(socket: Socket, pieces: readonly string[]): void {
  socket.setNoDelay(true)
  let at = 0
  const next = (): void => {
    const piece = pieces[at++]
    if (piece !== undefined) socket.write(piece, 'latin1', () => setImmediate(next))
  }
  next()
}
