// An endpoint of raw sockets, in the process of the gateways: its cost is the same for both clients.
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { identity } from '../../test/support/certificates.ts'

export interface Endpoint {
  readonly url: string
  /** Connections and requests so far, including probes. */
  counts(): { readonly connections: number; readonly chats: number }
  close(): void
}

export interface EndpointOptions {
  readonly tls?: boolean
  /** Closes a connection this many milliseconds after each answer, without announcing it. */
  readonly closesAfterMs?: number
  /** Milliseconds between the events of a stream requested by `held`; default 1,000. */
  readonly heldIntervalMs?: number
}

/** A request with this text in its prompt gets so many events, one per turn of the event loop. */
export const slowMark = 'one-per-turn'
export const slowEvents = 30
/** A request with this text gets as many, one every two milliseconds. */
export const pacedMark = 'one-per-interval'
const pacedMs = 2
/** A request with this text gets one event. */
export const shortMark = 'single-event'
/** A request with this text gets an event each second until its client leaves. */
export const heldMark = 'held-open'

const fields = 'Date: Mon, 30 Nov 2026 05:00:00 GMT\r\nConnection: keep-alive\r\n'
const json = (body: string) =>
  Buffer.from(
    `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`,
  )
const chat = json(
  JSON.stringify({
    id: 'x',
    object: 'chat.completion',
    model: 'm',
    choices: [{ index: 0, message: { role: 'assistant', content: 'x'.repeat(600) }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 3, completion_tokens: 2 },
  }),
)
const models = json('{"object":"list","data":[{"id":"m"}]}')
const healthy = json('"ok"')

const chunk = (text: string) => Buffer.from(`${text.length.toString(16)}\r\n${text}\r\n`)
const event = (at: number) =>
  chunk(
    `data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":" token${at}"},"finish_reason":null}]}\n\n`,
  )
const head = Buffer.from(
  `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n${fields}Transfer-Encoding: chunked\r\n\r\n`,
)
const ending = Buffer.concat([
  chunk(
    'data: {"id":"x","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: {"id":"x","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":60}}\n\ndata: [DONE]\n\n',
  ),
  Buffer.from('0\r\n\r\n'),
])
const numbered = (count: number) => Array.from({ length: count }, (_, at) => event(at))
/** 60 events: six with the head, then six per turn. */
const fast = [
  Buffer.concat([head, ...numbered(6)]),
  ...Array.from({ length: 9 }, (_, at) => Buffer.concat(numbered(60).slice(6 + at * 6, 12 + at * 6))),
  ending,
]
const slow = [Buffer.concat([head, event(0)]), ...numbered(slowEvents).slice(1), ending]
const short = [Buffer.concat([head, event(0)]), ending]

export async function startEndpoint(options: EndpointOptions = {}): Promise<Endpoint> {
  const { tls = false, closesAfterMs, heldIntervalMs = 1_000 } = options
  const open = new Set<Socket>()
  let connections = 0
  let chats = 0
  const serve = (socket: Socket): void => {
    connections++
    open.add(socket)
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.on('close', () => open.delete(socket))
    socket.on('data', (data) => {
      const method = data.toString('latin1', 0, 14)
      if (method.startsWith('GET')) {
        socket.write(method.startsWith('GET /v1/models') ? models : healthy)
        return
      }
      // The last chunk of a request.
      if (data[data.length - 1] !== 0x7d) return
      chats++
      if (!data.includes('"stream":true')) socket.write(chat)
      else if (data.includes(heldMark)) hold(socket, heldIntervalMs)
      else if (data.includes(pacedMark)) sendPaced(socket, slow)
      else send(socket, data.includes(slowMark) ? slow : data.includes(shortMark) ? short : fast)
      if (closesAfterMs === 0) socket.end()
      else if (closesAfterMs !== undefined) setTimeout(() => socket.end(), closesAfterMs)
    })
  }
  const server: Server = tls ? createTlsServer(identity('localhost'), serve) : createServer(serve)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  return {
    url: tls ? `https://localhost:${port}` : `http://127.0.0.1:${port}`,
    counts: () => ({ connections, chats }),
    close() {
      for (const socket of open) socket.destroy()
      server.close()
    },
  }
}

function send(socket: Socket, parts: readonly Buffer[]): void {
  let at = 0
  const next = () => {
    const part = parts[at++]
    if (part === undefined) return
    socket.write(part)
    setImmediate(next)
  }
  next()
}

function sendPaced(socket: Socket, parts: readonly Buffer[]): void {
  let at = 0
  const timer = setInterval(() => {
    const part = parts[at++]
    if (part === undefined) clearInterval(timer)
    else socket.write(part)
  }, pacedMs)
}

function hold(socket: Socket, intervalMs: number): void {
  socket.write(Buffer.concat([head, event(0)]))
  const timer = setInterval(() => socket.write(event(1)), intervalMs)
  socket.on('close', () => clearInterval(timer))
}
