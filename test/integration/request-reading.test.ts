import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { startGateway } from '../support/gateway.ts'
import { jsonAnswer, type RawRequest, startRawUpstream } from '../support/raw-upstream.ts'
import { engineOf, engines } from './engines.ts'

/** Two endpoints with a model each: what is read goes to the second, what is not goes to both. */
async function twoModels(t: TestContext, engine: string) {
  const answer = ({ socket }: RawRequest) => void socket.write(jsonAnswer('{"ok":true}'))
  const first = await startRawUpstream(t, answer, { models: ['first'] })
  const second = await startRawUpstream(t, answer, { models: ['second', 'hidden'] })
  const gateway = await startGateway(t, [{ url: first.url }, { url: second.url }], {
    proxy: { ...engineOf(engine), load_balancer: 'round-robin', translation: { enabled: false } },
    model_aliases: { 'my/alias': ['second'] },
    model_filter: { exclude: ['hidden'] },
  })
  /** Twice: the turns of the balancer alone would take the other endpoint once. */
  const send = async (
    path: string,
    body: Uint8Array | string | null,
    headers: Record<string, string> = {},
  ) => {
    first.requests.length = 0
    second.requests.length = 0
    const once = () =>
      fetch(`${gateway.url}${path}`, {
        method: body === null ? 'GET' : 'POST',
        headers,
        body: typeof body === 'string' ? Buffer.from(body) : body,
      })
    const { status } = await once()
    const response = await once()
    return { status, response, atFirst: first.requests, atSecond: second.requests }
  }
  return { gateway, send }
}

const headerOf = ({ head }: RawRequest, name: string) => new RegExp(`^${name}: *(.*)$`, 'im').exec(head)?.[1]
const json = '{"model":"second","prompt":"x","n":1.0}'
const message = '{"model":"second","max_tokens":5,"messages":[{"role":"user","content":"q"}]}'

for (const engine of engines) {
  describe(`parsing of requests with the ${engine} engine`, () => {
    it('accepts JSON under any content type, on every route', async (t) => {
      const { send } = await twoModels(t, engine)
      for (const type of [
        'application/x-www-form-urlencoded',
        'text/plain',
        'application/json, application/json',
        '',
      ]) {
        for (const path of [
          '/v1/completions',
          '/api/generate',
          '/olla/proxy/v1/completions',
          '/olla/openai/x',
        ]) {
          const { status, response, atFirst, atSecond } = await send(path, json, { 'content-type': type })
          assert.deepEqual([status, atFirst.length, atSecond.length], [200, 0, 2], `${type} ${path}`)
          assert.equal(response.headers.get('x-olla-model'), 'second')
          const [request] = atSecond
          assert.ok(request)
          assert.equal(request.body.toString(), json)
          assert.equal(headerOf(request, 'content-type'), 'application/json')
        }
      }
      const hidden = await send('/v1/completions', '{"model":"hidden"}', { 'content-type': 'text/plain' })
      assert.deepEqual([hidden.status, hidden.atSecond.length], [404, 0])
      const show = await send('/api/show', '{"model":"","name":"second"}', { 'content-type': 'text/plain' })
      assert.equal(show.status, 200)
    })

    it('decodes a content coding on every route', async (t) => {
      const { send } = await twoModels(t, engine)
      const codings = { gzip: gzipSync, br: brotliCompressSync, deflate: deflateSync, zstd: zstdCompressSync }
      for (const [coding, encode] of Object.entries(codings)) {
        for (const path of ['/v1/completions', '/api/chat', '/v1/messages', '/olla/proxy/v1/embeddings']) {
          const text = path === '/v1/messages' ? message : json
          const headers = { 'content-type': 'application/json', 'content-encoding': coding }
          const { atFirst, atSecond } = await send(path, encode(Buffer.from(text)), headers)
          assert.deepEqual([atFirst.length, atSecond.length], [0, 2], `${coding} ${path}`)
          const [request] = atSecond
          assert.ok(request)
          assert.equal(headerOf(request, 'content-encoding'), undefined)
          assert.equal(headerOf(request, 'content-length'), String(request.body.length))
          assert.equal(JSON.parse(request.body.toString()).model, 'second')
        }
      }
      const headers = { 'content-type': 'application/json', 'content-encoding': 'compress' }
      const { status, response, atSecond } = await send('/v1/completions', json, headers)
      assert.deepEqual([status, atSecond.length], [415, 0])
      assert.equal(response.headers.get('accept-encoding'), 'gzip, deflate, br, zstd')
      const corrupt = await send('/v1/completions', json, { ...headers, 'content-encoding': 'gzip' })
      assert.equal(corrupt.status, 400)
    })

    it('finds the model at any position, and replaces an alias in place', async (t) => {
      const { send } = await twoModels(t, engine)
      const boundary = { 'content-type': 'multipart/form-data; boundary=BB' }
      const multipart = (model: string, pad = '') =>
        `--BB\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n${pad}\r\n--BB\r\ncontent-disposition: form-data; name="model"\r\n\r\n${model}\r\n--BB--\r\n`
      const pad = 'x'.repeat(1_100_000)
      const form = { 'content-type': 'application/x-www-form-urlencoded' }
      const sent: readonly [string, string | null, Record<string, string>, string, string][] = [
        [
          '/v1/completions',
          'model=my%2Falias&prompt=%20',
          form,
          '/v1/completions',
          'model=second&prompt=%20',
        ],
        ['/v1/audio/speech', multipart('my/alias'), boundary, '/v1/audio/speech', multipart('second')],
        [
          '/v1/audio/speech',
          multipart('my/alias', pad),
          boundary,
          '/v1/audio/speech',
          multipart('second', pad),
        ],
        ['/olla/proxy/props?a=1&model=my%2falias', null, {}, '/props?a=1&model=second', ''],
        ['/v1/x?model=my/alias', '{"model": ""}', {}, '/v1/x?model=second', '{"model": ""}'],
        [
          '/olla/proxy/api/show',
          '{"model":"","name":"my/alias"}',
          {},
          '/api/show',
          '{"model":"","name":"second"}',
        ],
      ]
      for (const [path, body, headers, target, expected] of sent) {
        const { status, atFirst, atSecond } = await send(path, body, headers)
        assert.deepEqual([status, atFirst.length, atSecond.length], [200, 0, 2], path)
        const [request] = atSecond
        assert.ok(request)
        assert.equal(request.head.split(' ')[1], target)
        assert.ok(request.body.toString() === expected, path)
      }
    })
  })
}
