// The bare path, the yardstick of the gateway: a Fastify route that buffers the body, hijacks the reply and
// dispatches with undici. It routes nothing, checks nothing and logs nothing.
//   node bare.js http://127.0.0.1:PORT [PORT TO LISTEN ON]
import type { FastifyReply } from 'fastify'
import Fastify from 'fastify'
import { type Dispatcher, Pool } from 'undici'

const [origin, port = '0'] = process.argv.slice(2)
if (origin === undefined) throw new Error('usage: bare.ts ORIGIN')

const connectionHeaders = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'host'])
const responseConnectionHeaders = new Set(['connection', 'keep-alive', 'transfer-encoding'])

class BareRelay implements Dispatcher.DispatchHandler {
  readonly #raw: FastifyReply['raw']
  #abort: (reason?: Error) => void = () => {}

  constructor(raw: FastifyReply['raw']) {
    this.#raw = raw
  }

  onConnect(abort: (reason?: Error) => void): void {
    this.#abort = abort
  }

  onHeaders(statusCode: number, rawHeaders: Buffer[], resume: () => void): boolean {
    const headers: string[] = []
    for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
      const name = String(rawHeaders[at])
      if (responseConnectionHeaders.has(name.toLowerCase())) continue
      headers.push(name, String(rawHeaders[at + 1]))
    }
    this.#raw.writeHead(statusCode, headers)
    this.#raw.on('drain', resume)
    return true
  }

  onData(chunk: Buffer): boolean {
    if (this.#raw.destroyed) this.#abort()
    return this.#raw.write(chunk)
  }

  onComplete(): void {
    this.#raw.end()
  }

  onError(): void {
    this.#raw.destroy()
  }
}

const app = Fastify({ bodyLimit: 104_857_600 })
const pool = new Pool(origin, { headersTimeout: 0, bodyTimeout: 0 })
app.removeAllContentTypeParsers()
app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, parsed) => parsed(null, body))
app.post('/*', (request, reply) => {
  reply.hijack()
  const headers: string[] = []
  const { rawHeaders } = request.raw
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? ''
    if (!connectionHeaders.has(name.toLowerCase())) headers.push(name, rawHeaders[at + 1] ?? '')
  }
  pool.dispatch(
    { method: 'POST', path: request.url, headers, body: request.body as Buffer },
    new BareRelay(reply.raw),
  )
})
process.on('SIGTERM', () => process.exit(0))
console.log(`listening on ${await app.listen({ host: '127.0.0.1', port: Number(port) })}`)
