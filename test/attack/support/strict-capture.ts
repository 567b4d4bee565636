import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'

/** A request as it was delivered. */
export interface Delivered {
  readonly method: string
  readonly target: string
  /** `name: value` in lower case, sorted, without what proxies set. */
  readonly fields: readonly string[]
  /** Length and digest; undefined where the body did not come to its end. */
  readonly body: string | undefined
}

export interface Capture {
  readonly url: string
  readonly port: number
  /** By the address of the client. */
  readonly requests: Map<string, Delivered[]>
  /** What a strict reader refuses of what was delivered, by the last address. */
  readonly anomalies: string[]
}

/** What each hop says for itself. */
const ofHop =
  /^(?:x-forwarded-|x-real-ip|x-proxied-by|x-olla|x-model|x-request-id|via|host|connection|keep-alive|accept-encoding|content-length|transfer-encoding|traceparent|user-agent$|expect)/

export function fieldsOf(pairs: ReadonlyArray<readonly [string, string]>): string[] {
  return pairs
    .map(([name, value]) => `${name.toLowerCase()}: ${value}`)
    .filter((line) => !ofHop.test(line))
    .sort()
}

export function digestOf(body: Buffer): string {
  return `${body.length}:${createHash('sha256').update(body).digest('hex').slice(0, 12)}`
}

/** An endpoint that reads as strictly as RFC 9112 allows and keeps what it gets. */
export async function startCapture(t: TestContext): Promise<Capture> {
  const requests = new Map<string, Delivered[]>()
  const anomalies: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    let held: Buffer = Buffer.alloc(0)
    socket.on('data', (bytes) => {
      held = held.length === 0 ? bytes : Buffer.concat([held, bytes])
      for (;;) {
        const read = readRequest(held)
        if (read === undefined) return
        if (typeof read === 'string') {
          anomalies.push(`${read}: ${JSON.stringify(held.toString('latin1', 0, 300))}`)
          socket.destroy()
          return
        }
        held = held.subarray(read.end)
        const { method, target, address } = read
        if (!target.startsWith('/v1/models')) keep(requests, address, read)
        socket.write(answerTo(method, target))
      }
    })
  })
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 })
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, port, requests, anomalies }
}

function answerTo(method: string, target: string): string {
  const body = target.startsWith('/v1/models')
    ? '{"object":"list","data":[{"id":"m","object":"model"}]}'
    : '{"ok":true}'
  const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`
  return method === 'HEAD' ? head : head + body
}

export function keep(requests: Map<string, Delivered[]>, address: string, delivered: Delivered): void {
  const known = requests.get(address)
  if (known === undefined) requests.set(address, [delivered])
  else known.push(delivered)
}

interface Read extends Delivered {
  readonly address: string
  readonly end: number
}

/** @returns undefined where more has to come, a string for what is wrong */
function readRequest(bytes: Buffer): Read | string | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd < 0) return bytes.length > 4_000_000 ? 'endless head' : undefined
  const [line = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n')
  const start = /^([A-Z]+) (\/[\x21-\x7e\x80-\xff]*) HTTP\/1\.[01]$/.exec(line)
  if (start === null) return 'request line'
  const pairs: [string, string][] = []
  for (const each of lines) {
    const field = /^([\w!#$%&'*+.^`|~-]+):[\t ]*([\t\x20-\x7e\x80-\xff]*)$/.exec(each)
    if (field === null) return 'field'
    pairs.push([field[1] ?? '', (field[2] ?? '').trimEnd()])
  }
  const valuesOf = (wanted: string) =>
    pairs.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value)
  const lengths = valuesOf('content-length')
  const codings = valuesOf('transfer-encoding')
  if (valuesOf('host').length !== 1) return 'host'
  if (lengths.length + codings.length > 1) return 'two framings'
  const body =
    codings.length > 0 ? chunked(bytes, headEnd + 4, codings[0]) : sized(bytes, headEnd + 4, lengths[0])
  if (body === undefined || typeof body === 'string') return body
  const [, method = '', target = ''] = start
  const address = valuesOf('x-forwarded-for').join(',').split(',').at(-1)?.trim() ?? ''
  return { method, target, fields: fieldsOf(pairs), body: digestOf(body.data), address, end: body.end }
}

type Body = { readonly data: Buffer; readonly end: number } | string | undefined

function sized(bytes: Buffer, start: number, length = '0'): Body {
  if (!/^\d{1,15}$/.test(length)) return 'length'
  const end = start + Number(length)
  return bytes.length < end ? undefined : { data: bytes.subarray(start, end), end }
}

function chunked(bytes: Buffer, start: number, coding = ''): Body {
  if (coding !== 'chunked') return 'coding'
  const parts: Buffer[] = []
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd < 0) return undefined
    const size = bytes.toString('latin1', at, lineEnd)
    if (!/^[\da-f]{1,8}$/i.test(size)) return 'chunk size'
    const dataEnd = lineEnd + 2 + Number.parseInt(size, 16)
    if (bytes.length < dataEnd + 2) return undefined
    if (bytes.toString('latin1', dataEnd, dataEnd + 2) !== '\r\n') return 'chunk end'
    parts.push(bytes.subarray(lineEnd + 2, dataEnd))
    at = dataEnd + 2
    if (dataEnd === lineEnd + 2) return { data: Buffer.concat(parts), end: at }
  }
}
