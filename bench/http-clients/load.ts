// Requests over raw sockets, with minimal work.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { heldMark, pacedMark, shortMark, slowMark } from './endpoint.ts'

export const kinds = ['chat', 'stream', 'slow', 'paced', 'short', 'held'] as const
export type Kind = (typeof kinds)[number]

const prompts: Readonly<Record<Kind, string>> = {
  chat: '',
  stream: '',
  slow: slowMark,
  paced: pacedMark,
  short: shortMark,
  held: heldMark,
}

function requestOf(kind: Kind): Buffer {
  const content = `${prompts[kind]}${'y'.repeat(900)}`
  const stream = kind === 'chat' ? {} : { stream: true }
  const body = JSON.stringify({ model: 'm', ...stream, messages: [{ role: 'user', content }] })
  const head = `POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: keep-alive\r\nContent-Type: application/json\r\nAccept: */*\r\nUser-Agent: bench\r\nContent-Length: ${body.length}\r\n\r\n`
  return Buffer.from(head + body)
}

const requests: Readonly<Record<Kind, Buffer>> = {
  chat: requestOf('chat'),
  stream: requestOf('stream'),
  slow: requestOf('slow'),
  paced: requestOf('paced'),
  short: requestOf('short'),
  held: requestOf('held'),
}
const chatEnd = Buffer.from('}}')
const streamEnd = Buffer.from('0\r\n\r\n')

/** One connection that sends one request after the other. */
class Sender {
  #socket: Socket
  #end = chatEnd
  #kind: Kind = 'chat'
  #left = 0
  #done: () => void = () => {}
  /** Answers other than 200. */
  failures = 0
  /** Answers that took more than one attempt. */
  retried = 0

  constructor(socket: Socket) {
    this.#socket = socket
    let isHead = true
    socket.on('data', (data) => {
      if (isHead) {
        isHead = false
        if (!data.subarray(0, 12).includes(' 200')) this.failures++
        if (data.includes('X-Olla-Attempts')) this.retried++
      }
      if (data.compare(this.#end, 0, this.#end.length, data.length - this.#end.length) !== 0) return
      isHead = true
      this.#next()
    })
  }

  ask(kind: Kind, requests: number): Promise<void> {
    this.#kind = kind
    this.#end = kind === 'chat' ? chatEnd : streamEnd
    this.#left = requests
    return new Promise((resolve) => {
      this.#done = resolve
      this.#next()
    })
  }

  leave(): void {
    this.#socket.destroy()
  }

  #next(): void {
    if (this.#left-- > 0) this.#socket.write(requests[this.#kind])
    else this.#done()
  }
}

export interface Load {
  /** @param count requests of each connection */
  run(kind: Kind, count: number): Promise<void>
  failures(): number
  retried(): number
  leave(): void
}

export async function openLoad(port: number, connections: number): Promise<Load> {
  const senders: Sender[] = []
  for (let at = 0; at < connections; at++) senders.push(new Sender(await openSocket(port)))
  const sum = (of: (sender: Sender) => number) => senders.reduce((total, sender) => total + of(sender), 0)
  return {
    run: async (kind, count) => void (await Promise.all(senders.map((sender) => sender.ask(kind, count)))),
    failures: () => sum(({ failures }) => failures),
    retried: () => sum(({ retried }) => retried),
    leave: () => {
      for (const sender of senders) sender.leave()
    },
  }
}

/** Opens streams that stay open, one after the other. */
export async function holdStreams(port: number, count: number): Promise<{ leave(): void }> {
  const sockets: Socket[] = []
  for (let at = 0; at < count; at++) {
    const socket = await openSocket(port)
    socket.write(requests.held)
    await once(socket, 'data')
    sockets.push(socket)
  }
  return {
    leave: () => {
      for (const socket of sockets) socket.destroy()
    },
  }
}

async function openSocket(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.setNoDelay(true)
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}
