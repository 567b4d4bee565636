import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { beginnings } from '../support/beginnings.ts'
import { startGateway } from '../support/gateway.ts'
import { jsonAnswer, type RawRequest, startRawUpstream } from '../support/raw-upstream.ts'
import { engineOf, engines } from './engines.ts'

const head = (type: string) =>
  `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n`
const chunked = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
const lastChunk = '0\r\n\r\n'

const faults: Readonly<Record<string, (request: RawRequest, idle: string, error: string) => void>> = {
  'is reset': ({ socket }, idle) => void socket.write(chunked(idle), () => socket.resetAndDestroy()),
  'ends too early': ({ socket }, idle) => void socket.write(chunked(idle) + lastChunk),
  'reports an error': ({ socket }, idle, error) =>
    void socket.write(chunked(idle), () => socket.write(chunked(error) + lastChunk)),
}

for (const engine of engines) {
  describe(`a stream without content yet, ${engine} engine`, () => {
    for (const [at, { name, path, type, request, idle, content, end, error }] of beginnings.entries()) {
      const [fault = assert.fail(), fail = assert.fail()] =
        Object.entries(faults)[at % Object.keys(faults).length] ?? []
      it(`is answered by another endpoint if it ${fault}: ${name}`, async (t) => {
        const bad = await startUpstream(t, (call) => {
          call.socket.write(head(type))
          fail(call, idle.join(''), error)
        })
        const good = [...idle, ...content.slice(0, 1), end].join('')
        const fine = await startUpstream(t, ({ socket }) => {
          socket.write(head(type) + chunked(good) + lastChunk)
        })
        const backend = type === 'text/event-stream' ? 'vllm' : 'ollama'
        const gateway = await startGateway(
          t,
          [
            { url: bad.url, name: 'bad', priority: 200, type: backend },
            { url: fine.url, name: 'good', priority: 100, type: backend },
          ],
          { proxy: engineOf(engine) },
        )
        const response = await fetch(`${gateway.url}${clientPath(path)}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(request),
        })
        assert.equal(response.status, 200)
        const text = await response.text()
        // Usage that the gateway requested is removed.
        assert.ok(text.startsWith([...idle, ...content.slice(0, 1)].join('')), text)
        assert.ok(text.endsWith(good.slice(-12)), text)
        assert.equal(response.headers.get('x-olla-endpoint'), 'good')
        assert.equal(response.headers.get('x-olla-attempts'), '2')
        assert.equal(bad.requests.filter(({ head }) => head.startsWith('POST')).length, 1)
      })
    }

    it('is answered by another endpoint in the dialect of a translated request', async (t) => {
      const [chat = assert.fail()] = beginnings
      const bad = await startRawUpstream(t, ({ socket }) => {
        socket.write(head(chat.type) + chunked(chat.idle.join('')) + lastChunk)
      })
      const fine = await startRawUpstream(t, ({ socket }) => {
        const good = [...chat.idle, ...chat.content.slice(0, 1), chat.end].join('')
        socket.write(head(chat.type) + chunked(good) + lastChunk)
      })
      const gateway = await startGateway(
        t,
        [
          { url: bad.url, name: 'bad', priority: 200, type: 'openai' },
          { url: fine.url, name: 'good', priority: 100, type: 'openai' },
        ],
        { proxy: engineOf(engine) },
      )
      const response = await fetch(`${gateway.url}/olla/anthropic/v1/messages`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          model: 'm',
          max_tokens: 9,
          stream: true,
          messages: [{ role: 'user', content: 'a' }],
        }),
      })
      const text = await response.text()
      assert.match(text, /"text":"Hi"/)
      assert.match(text, /message_stop/)
      assert.equal(text.match(/event: message_start/g)?.length, 1)
      assert.equal(response.headers.get('x-olla-endpoint'), 'good')
    })
  })
}

/** Answers the lists of Ollama too. */
function startUpstream(t: TestContext, answer: (request: RawRequest) => void) {
  return startRawUpstream(t, (request) => {
    if (request.head.startsWith('POST')) answer(request)
    else request.socket.write(jsonAnswer('{"models":[{"name":"m","model":"m"}]}'))
  })
}

function clientPath(path: string): string {
  if (path === '/v1/messages') return `/olla/anthropic${path}`
  return path.startsWith('/api/') ? `/olla/ollama${path}` : `/olla/openai${path}`
}
