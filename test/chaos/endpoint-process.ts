// An endpoint that can do anything wrong, in a process of its own: `endpoint-process.ts PORT BACKLOG`. It answers model lists and
// health probes, streams ten events for each chat, and does what the last message from its parent names.
import { createServer, type Socket } from 'node:net'
import type { FaultName } from './faults.ts'

const events = 10
const eventMs = 15
const models = '{"object":"list","data":[{"id":"m","object":"model"}]}'
const streamHead =
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nCache-Control: no-store\r\n\r\n'

const lastChunk = '0\r\n\r\n'
const engineError = '{"error":{"message":"engine is dead","code":500}}'
const errorAndEnd = `${chunk(`data: ${engineError}\n\n`)}${chunk('data: [DONE]\n\n')}${lastChunk}`

let fault: FaultName = 'none'
let requests = 0
/** Since the last message that named a fault. */
let asked = 0
let served = 0
const sockets = new Set<Socket>()
/** Chats that are being answered. */
const open = new Set<Socket>()

const server = createServer({ highWaterMark: 1_024 }, (socket) => {
  sockets.add(socket)
  socket.on('error', () => {})
  socket.on('close', () => {
    sockets.delete(socket)
    open.delete(socket)
  })
  if (fault === 'resets on accept') {
    socket.resetAndDestroy()
    return
  }
  if (fault === 'accepts and never reads') {
    socket.pause()
    return
  }
  let pending: Buffer = Buffer.alloc(0)
  socket.on('data', (chunk) => {
    pending = Buffer.concat([pending, chunk])
    for (let taken = takeRequest(pending); taken !== undefined; taken = takeRequest(pending)) {
      pending = taken.rest
      answer(socket, taken.target)
    }
  })
})
server.listen(Number(process.argv[2]), '127.0.0.1', Number(process.argv[3]), () =>
  process.send?.({ listening: true }),
)

process.on('message', (message: { fault?: FaultName; ask?: true }) => {
  if (message.ask) process.send?.({ open: open.size, asked, served })
  if (message.fault === undefined) return
  fault = message.fault
  asked = 0
  served = 0
  // What has been accepted before stays as it is but for faults of whole connections.
  if (fault === 'resets on accept') for (const socket of sockets) socket.resetAndDestroy()
  if (fault === 'none') for (const socket of sockets) socket.resume()
})
process.on('disconnect', () => process.exit())

function takeRequest(bytes: Buffer): { target: string; rest: Buffer } | undefined {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const head = bytes.toString('latin1', 0, end)
  const length = Number(/^content-length: *(\d+)$/im.exec(head)?.[1] ?? 0)
  if (bytes.length < end + 4 + length) return undefined
  return { target: head.split(' ')[1] ?? '', rest: bytes.subarray(end + 4 + length) }
}

function answer(socket: Socket, target: string): void {
  if (target.startsWith('/v1/models') || target.startsWith('/health')) {
    if (fault !== 'hangs, health too') socket.write(whole(200, 'application/json', models))
    return
  }
  requests++
  asked++
  open.add(socket)
  const wrong = wrongAnswers[fault] ?? stream
  wrong(socket)
}

const wrongAnswers: Partial<Record<FaultName, (socket: Socket) => void>> = {
  'status 503': (socket) => finish(socket, whole(503, 'application/json', '{"error":{"message":"busy"}}')),
  'status 500': (socket) => finish(socket, whole(500, 'application/json', engineError)),
  'status 429': (socket) => {
    const body = '{"error":{"message":"slow down"}}'
    finish(socket, whole(429, 'application/json', body, 'Retry-After: 2\r\n'))
  },
  'hangs before headers': () => {},
  'hangs, health too': () => {},
  'hangs in the stream': (socket) => socket.write(streamHead + chunk(event(0))),
  'reset before headers': (socket) => socket.resetAndDestroy(),
  'end before headers': (socket) => socket.end(),
  'reset behind the head': (socket) => resetAfter(socket, streamHead),
  'reset in the stream': (socket) => resetAfter(socket, streamHead + chunk(event(0))),
  'end in the stream': (socket) => socket.end(streamHead + chunk(event(0))),
  'end without [DONE]': (socket) =>
    finish(socket, streamHead + chunk(event(0)) + chunk(event(1)) + lastChunk),
  drips: (socket) => drip(socket, streamHead),
  'no HTTP': (socket) => socket.end('\x16\x03\x01 this is not HTTP at all\r\n\r\n'),
  'kept connections are reset': (socket) => {
    if (requests % 3 === 0) socket.resetAndDestroy()
    else stream(socket)
  },
  'kept connections are closed': (socket) =>
    stream(socket, () => setTimeout(() => socket.end(), requests % 5)),
  '200 with a web page': (socket) => finish(socket, whole(200, 'text/html', '<html>Please log in</html>')),
  '200 with an error': (socket) => finish(socket, whole(200, 'application/json', engineError)),
  'an error as the first event': (socket) => finish(socket, streamHead + errorAndEnd),
  'an error behind three events': (socket) => {
    finish(socket, streamHead + chunk(event(0)) + chunk(event(1)) + chunk(event(2)) + errorAndEnd)
  },
  'seven bytes of a thousand': (socket) => {
    socket.end('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"id": ')
  },
  'flaps every second': (socket) => {
    if (Math.floor(Date.now() / 1_000) % 2 === 0) socket.resetAndDestroy()
    else stream(socket)
  },
}

function resetAfter(socket: Socket, text: string): void {
  socket.write(text, () => setTimeout(() => socket.resetAndDestroy(), eventMs))
}

function event(at: number): string {
  const finish = at === events - 1 ? '"stop"' : 'null'
  return `data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"w${at}"},"finish_reason":${finish}}]}\n\n`
}

function chunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`
}

function whole(status: number, type: string, body: string, headers = ''): string {
  return `HTTP/1.1 ${status} x\r\nContent-Type: ${type}\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`
}

/** The last bytes of an answer. */
function finish(socket: Socket, text: string): void {
  socket.write(text)
  open.delete(socket)
}

function stream(socket: Socket, then?: () => unknown): void {
  socket.write(streamHead)
  let at = 0
  const timer = setInterval(() => {
    if (socket.destroyed) {
      clearInterval(timer)
      return
    }
    socket.write(chunk(event(at++)))
    if (at < events) return
    clearInterval(timer)
    served++
    finish(socket, chunk('data: [DONE]\n\n') + lastChunk)
    then?.()
  }, eventMs)
}

/** A byte every half second. */
function drip(socket: Socket, text: string): void {
  let at = 0
  const timer = setInterval(() => {
    if (socket.destroyed || at === text.length) clearInterval(timer)
    else socket.write(text.charAt(at++))
  }, 500)
}
