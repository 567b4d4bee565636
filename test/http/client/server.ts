import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { classifyFailure } from '../../../src/endpoints/connections/failure.ts'
import type {
  ClientPool,
  ClientPoolOptions,
  ClientRequest,
  HttpClient,
  RequestHandler,
} from '../../../src/http/client/contract.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { poolOf } from './pools.ts'

export interface SeenRequest {
  readonly socket: Socket
  /** Which of the server's connections it came on, from 0. */
  readonly connection: number
  readonly text: string
}

/** A server whose every byte the test decides, and a pool that leads to it. */
export async function startPool(
  t: TestContext,
  client: HttpClient,
  answer: (request: SeenRequest) => void,
  { hostname = '127.0.0.1', ...options }: Partial<ClientPoolOptions> & { hostname?: string } = {},
) {
  const sockets: Socket[] = []
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    const connection = sockets.push(socket) - 1
    open.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => open.delete(socket))
    socket.on('data', (data) => answer({ socket, connection, text: data.toString('latin1') }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const clock = new FakeClock()
  const origin = `http://${hostname}:${(server.address() as AddressInfo).port}`
  const pool = poolOf[client]({
    origin,
    clock,
    connectMs: 1_000,
    tlsMs: 1_000,
    tcpKeepAliveMs: 0,
    ...options,
  })
  t.after(() => {
    pool.close()
    for (const socket of open) socket.destroy()
    server.close()
  })
  return { pool, clock, sockets, open, server, origin }
}

/** What a handler has received. */
export class Collected implements RequestHandler {
  status = 0
  headers: readonly string[] = []
  body = ''
  calls: string[] = []
  abort: (error?: Error) => void = () => {}
  resume: () => void = () => {}
  readonly over: Promise<unknown>
  #end: (error?: unknown) => void = () => {}

  constructor() {
    this.over = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  onConnect(abort: (error?: Error) => void): void {
    this.calls.push('connect')
    this.abort = abort
  }

  onHeaders(status: number, headers: readonly string[], resume: () => void): void {
    this.calls.push('headers')
    this.status = status
    this.headers = headers
    this.resume = resume
  }

  onBodyWritten(): void {
    this.calls.push('written')
  }

  onData(chunk: Buffer): boolean {
    this.body += chunk.toString('latin1')
    return true
  }

  onComplete(): void {
    this.calls.push('complete')
    this.#end()
  }

  onError(error: unknown): void {
    this.calls.push('error')
    this.#end(error)
  }
}

export const get = { method: 'GET', path: '/', headers: [], body: null }

/** Asks, and waits for the end. */
export async function ask(pool: ClientPool, request: ClientRequest = get) {
  const told = new Collected()
  try {
    pool.send(request, told)
  } catch (error) {
    return { told, error }
  }
  return { told, error: await told.over }
}

export const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/** The kind of failure, which is what the gateway acts on. */
export function failureOf(error: unknown): string {
  return classifyFailure(error).kind
}
