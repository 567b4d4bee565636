import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import {
  brotliCompressSync,
  constants,
  createGzip,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from 'node:zlib'
import { postChat, startGateway } from '../support/gateway.ts'
import { eventually } from '../support/simulator.ts'
import { engineOf, engines } from './engines.ts'

const codings: Readonly<Record<string, readonly [string, (body: string) => Buffer]>> = {
  gzip: ['gzip', gzipSync],
  'gzip in capitals': ['GZIP', gzipSync],
  brotli: ['br', brotliCompressSync],
  deflate: ['deflate', deflateSync],
  'deflate without a wrapper': ['deflate', deflateRawSync],
  zstd: ['zstd', zstdCompressSync],
}
const usage = { prompt_tokens: 7, completion_tokens: 2 }
const whole = JSON.stringify({
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }],
  usage,
})
const events = [
  { choices: [{ index: 0, delta: { content: 'hel' } }] },
  { choices: [{ index: 0, delta: { content: 'lo' } }] },
  { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
  { choices: [], usage },
].map((event) => `data: ${JSON.stringify({ id: 'x', model: 'm', ...event })}\n\n`)
const stream = `${events.join('')}data: [DONE]\n\n`
const failed = JSON.stringify({ error: { message: 'engine is dead', code: 500 } })

interface Coded {
  readonly status?: number
  readonly type?: string
  readonly coding: string
  readonly body: Buffer
}

/** A server that compresses whatever is asked of it. */
async function startCoding(t: TestContext, answer: () => Coded): Promise<string> {
  const server = createServer((request, response) => {
    request.resume()
    if (request.method === 'GET') {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ object: 'list', data: [{ id: 'm' }] }))
      return
    }
    request.on('end', () => {
      const { status = 200, type = 'application/json', coding, body } = answer()
      response.writeHead(status, {
        'content-type': type,
        'content-encoding': coding,
        'content-length': String(body.length),
      })
      response.end(body)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

for (const engine of engines) {
  describe(`an endpoint that compresses against the request (${engine})`, () => {
    for (const [name, [coding, encode]] of Object.entries(codings)) {
      it(`(${name}) is read, judged, metered and translated`, async (t) => {
        const upstream: { answer: Coded } = { answer: { coding, body: encode(whole) } }
        const url = await startCoding(t, () => upstream.answer)
        const gateway = await startGateway(t, [{ url, name: 'e' }], { proxy: engineOf(engine) })
        const ask = async (path: string, body: object) => {
          const response = await fetch(`${gateway.url}${path}`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }], ...body }),
          })
          return { status: response.status, headers: response.headers, text: await response.text() }
        }
        const plain = await ask('/v1/chat/completions', {})
        assert.deepEqual([plain.status, plain.text], [200, whole])
        assert.equal(plain.headers.get('content-encoding'), null)
        await eventually(async () => {
          const log = await fetch(`${gateway.url}/internal/requests?limit=1`)
          const { requests } = (await log.json()) as { requests: { prompt_tokens: number }[] }
          return requests[0]?.prompt_tokens === 7
        })

        upstream.answer = { coding, type: 'text/event-stream', body: encode(stream) }
        const streamed = await ask('/v1/chat/completions', { stream: true })
        assert.deepEqual([streamed.status, streamed.text.includes('data: [DONE]')], [200, true])

        upstream.answer = { coding, body: encode(whole) }
        const message = await ask('/olla/anthropic/v1/messages', { max_tokens: 9 })
        assert.equal(message.status, 200)
        assert.equal(JSON.parse(message.text).content[0].text, 'hello')

        upstream.answer = { coding, body: encode(failed) }
        const bad = await ask('/v1/chat/completions', {})
        assert.ok(bad.status >= 500, `an error inside a 200 came as ${bad.status}`)

        upstream.answer = { status: 400, coding, body: encode('{"error":{"message":"no such role"}}') }
        const refused = await ask('/v1/chat/completions', {})
        assert.equal(refused.status, 400)
        assert.match(refused.text, /no such role/)
      })
    }

    it('fails if its coding is broken, and passes unknown codings through', async (t) => {
      const upstream: { answer: Coded } = { answer: { coding: 'gzip', body: Buffer.from('not gzip at all') } }
      const url = await startCoding(t, () => upstream.answer)
      const gateway = await startGateway(t, [{ url, name: 'e', type: 'vllm' }], { proxy: engineOf(engine) })
      const broken = await postChat(gateway.url, { model: 'm', messages: [] })
      assert.equal(broken.status, 502)
      await broken.arrayBuffer()
      upstream.answer = { coding: 'snappy', body: Buffer.from('??') }
      const unknown = await postChat(gateway.url, { model: 'm', messages: [] })
      assert.deepEqual(
        [unknown.status, unknown.headers.get('content-encoding'), await unknown.text()],
        [200, 'snappy', '??'],
      )
    })

    it('gets each event of its stream forwarded on arrival', async (t) => {
      const gzip = createGzip()
      const server = createServer((request, response) => {
        request.resume()
        if (request.method === 'GET') {
          response.setHeader('content-type', 'application/json')
          response.end(JSON.stringify({ data: [{ id: 'm' }] }))
          return
        }
        response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' })
        gzip.pipe(response)
        gzip.write(events[0])
        gzip.flush(constants.Z_SYNC_FLUSH)
      })
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      t.after(() => {
        server.closeAllConnections()
        server.close()
      })
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      const gateway = await startGateway(t, [{ url, type: 'vllm' }], { proxy: engineOf(engine) })
      const response = await postChat(gateway.url, { model: 'm', stream: true, messages: [] })
      const reader = response.body?.getReader()
      const first = await reader?.read()
      assert.match(Buffer.from(first?.value ?? []).toString(), /hel/)
      gzip.end(`${events.slice(1).join('')}data: [DONE]\n\n`)
      let rest = ''
      for (let next = await reader?.read(); next?.value !== undefined; next = await reader?.read())
        rest += Buffer.from(next.value).toString()
      assert.match(rest, /\[DONE\]/)
    })
  })
}
