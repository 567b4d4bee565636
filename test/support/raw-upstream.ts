import { createServer, type Server, type Socket } from 'node:net'
import type { TestContext } from 'node:test'

/** One request as it came over the wire. */
export interface RawRequest {
  readonly head: string
  readonly body: Buffer
  readonly socket: Socket
}

export interface RawUpstream {
  readonly url: string
  readonly requests: RawRequest[]
  /** Connections that the gateway has open now. */
  readonly sockets: ReadonlySet<Socket>
  /** Closes the listener and every connection: from now on it refuses. */
  stop(): Promise<void>
  /** Listens again where it did. */
  restart(): Promise<void>
}

/**
 * A server whose every byte a test decides: `answer` is called for each complete request. Routes under
 * `/v1/models` and `/health` are answered for it, so that the gateway finds the model `m`.
 */
export async function startRawUpstream(
  t: TestContext,
  answer: (request: RawRequest) => void,
  options: {
    models?: readonly string[]
    /** What gives its connections to `serve`; by default a server of plain TCP. */
    listener?: (serve: (socket: Socket) => void) => Server
  } = {},
): Promise<RawUpstream> {
  const requests: RawRequest[] = []
  const sockets = new Set<Socket>()
  const models = JSON.stringify({
    object: 'list',
    data: (options.models ?? ['m']).map((id) => ({ id, object: 'model', owned_by: 'test' })),
  })
  const server = (options.listener ?? createServer)((socket) => {
    socket.on('error', () => {})
    let pending = Buffer.alloc(0)
    socket.on('data', (chunk) => {
      pending = Buffer.concat([pending, chunk])
      for (;;) {
        const split = pending.indexOf('\r\n\r\n')
        if (split < 0) return
        const head = pending.toString('latin1', 0, split)
        const length = Number(/^content-length: *(\d+)$/im.exec(head)?.[1] ?? 0)
        if (pending.length < split + 4 + length) return
        const body = pending.subarray(split + 4, split + 4 + length)
        pending = pending.subarray(split + 4 + length)
        const target = head.split(' ')[1] ?? ''
        if (target === '/v1/models' || target === '/health') {
          socket.write(jsonAnswer(models))
          continue
        }
        const request = { head, body, socket }
        requests.push(request)
        answer(request)
      }
    })
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const stop = async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    for (const socket of sockets) socket.destroy()
    await closed
  }
  t.after(stop)
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const { port } = address
  const restart = () => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${port}`, requests, sockets, stop, restart }
}

/** An upstream that answers on demand. */
export async function startSlowUpstream(t: TestContext, answer: (request: RawRequest) => void) {
  const open: RawRequest[] = []
  const upstream = await startRawUpstream(t, (request) => void open.push(request))
  return {
    ...upstream,
    open,
    /** Answers the oldest. */
    answer() {
      const request = open.shift()
      if (request !== undefined) answer(request)
    },
  }
}

/** A complete answer with a length. */
export function jsonAnswer(body: string, options: { status?: string; headers?: string } = {}): string {
  return `HTTP/1.1 ${options.status ?? '200 OK'}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${options.headers ?? ''}\r\n${body}`
}

export const sseHead =
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n'

/** One chunk of a chunked body. */
export function chunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
}
