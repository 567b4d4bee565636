import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { postChat, startGateway } from './gateway.ts'
import { openRaw } from './raw-client.ts'
import { chunk, jsonAnswer, type RawRequest, sseHead, startRawUpstream } from './raw-upstream.ts'
import { eventually } from './simulator.ts'

const mebibyte = 1_048_576
const chat = '/v1/chat/completions'

function bodyOf(bytes: number): string {
  const frame = '{"model":"m","max_tokens":5,"messages":[{"role":"user","content":""}]}'
  return frame.replace('""', `"${'x'.repeat(bytes - frame.length)}"`)
}

async function start(
  t: TestContext,
  {
    engine = 'olla',
    http_server = 'own',
    max_buffered_bytes = '4MB',
    read_timeout = '4s',
  }: Partial<Record<'engine' | 'http_server' | 'max_buffered_bytes' | 'read_timeout', string>>,
  answer: (request: RawRequest) => void = ok,
) {
  const upstream = await startRawUpstream(t, answer)
  const gateway = await startGateway(t, [{ url: upstream.url }], {
    proxy: { engine },
    server: { http_server, read_timeout, request_limits: { max_buffered_bytes } },
  })
  const heldBytes = async () => {
    const metrics = await (await fetch(`${gateway.url}/internal/metrics`)).text()
    return Number(/^olla_buffered_bytes (\d+)$/m.exec(metrics)?.[1])
  }
  return { gateway, upstream, heldBytes }
}

const ok = ({ socket }: RawRequest) => void socket.write(jsonAnswer('{"ok":true}'))

/** Sends a request but for its last byte. */
async function hold(t: TestContext, port: number, body: string, headers = ''): Promise<Socket> {
  const socket = await openRaw(port)
  t.after(() => socket.destroy())
  const head = `POST ${chat} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${headers}`
  socket.write(`${head}Content-Length: ${body.length}\r\n\r\n${body.slice(0, -1)}`)
  return socket
}

const json = { 'content-type': 'application/json' }

/** What must be so with either server and either engine. */
export function describeBudget(engine: 'olla' | 'sherpa', httpServer: 'own' | 'node'): void {
  describe(`bodies of the ${engine} engine behind the ${httpServer} server`, () => {
    const options = { engine, http_server: httpServer }

    it('are rejected beyond their budget, in each dialect, while small ones are served', async (t) => {
      const { gateway, heldBytes } = await start(t, options)
      const body = bodyOf(3 * mebibyte)
      const holder = await hold(t, gateway.port, body)
      await eventually(async () => (await heldBytes()) >= 3 * mebibyte)
      const refused = [chat, '/api/chat', '/v1/messages'].map(async (path) => {
        const response = await fetch(`${gateway.url}${path}`, { method: 'POST', body, headers: json })
        return { path, response, answer: (await response.json()) as Record<string, unknown> }
      })
      assert.equal((await postChat(gateway.url)).status, 200)
      for (const { path, response, answer } of await Promise.all(refused)) {
        assert.deepEqual([path, response.status], [path, 503])
        assert.equal(response.headers.get('retry-after'), '1')
        const text = JSON.stringify(answer)
        if (path === chat) assert.match(text, /"code":"memory_busy"/)
        else if (path === '/api/chat') assert.equal(typeof answer.error, 'string')
        else assert.match(text, /"type":"overloaded_error"/)
      }
      holder.write(body.slice(-1))
      assert.match(String(await once(holder, 'data')), /^HTTP\/1.1 200/)
      assert.equal(
        (await fetch(`${gateway.url}${chat}`, { method: 'POST', body, headers: json })).status,
        200,
      )
      await eventually(async () => (await heldBytes()) === 0)
    })

    it('wait for memory, and are served when there is some', async (t) => {
      const { gateway, upstream, heldBytes } = await start(t, options)
      const body = bodyOf(3 * mebibyte)
      const holder = await hold(t, gateway.port, body)
      await eventually(async () => (await heldBytes()) >= 3 * mebibyte)
      const waiting = fetch(`${gateway.url}${chat}`, { method: 'POST', body, headers: json })
      await eventually(async () => (await heldBytes()) > 3.5 * mebibyte)
      holder.destroy()
      assert.equal((await waiting).status, 200)
      assert.equal(upstream.requests.at(-1)?.body.length, body.length)
      await eventually(async () => (await heldBytes()) === 0)
    })

    it('release their share, whatever their outcome', async (t) => {
      const answers: ((request: RawRequest) => void)[] = []
      const { gateway, heldBytes } = await start(t, { ...options, read_timeout: '1s' }, (request) =>
        (answers.shift() ?? ok)(request),
      )
      const body = bodyOf(mebibyte)
      const post = (path: string, headers: Record<string, string> = {}, sent: string | Buffer = body) =>
        fetch(`${gateway.url}${path}`, {
          method: 'POST',
          headers: { ...json, ...headers },
          body: Buffer.from(sent),
        })
      const back = (what: string) =>
        eventually(async () => (await heldBytes()) === 0).catch(() => assert.fail(`${what} keeps its share`))

      const quiet = await hold(t, gateway.port, body)
      quiet.resume()
      await once(quiet, 'close')
      await back('a client that does not go on')
      const gone = await hold(t, gateway.port, body)
      await eventually(async () => (await heldBytes()) > 0)
      gone.resetAndDestroy()
      await back('a client that has gone')
      assert.equal((await post(chat, {}, `${body.slice(0, -2)}`)).status, 400)
      await back('what is no JSON')
      assert.equal((await post(chat, {}, body.replace('"m"', '"n"'))).status, 404)
      await back('an unknown model')
      assert.equal((await post('/nowhere')).status, 404)
      await back('an unknown path')
      assert.equal((await post('/v1/messages', {}, `[${body}]`)).status, 400)
      await back('what is no message')
      assert.equal((await post('/v1/messages/count_tokens')).status, 200)
      await back('a count')
      answers.push(({ socket }) => void socket.destroy())
      answers.push(({ socket }) => void socket.write(jsonAnswer('{}')))
      assert.ok((await post(chat)).status >= 200)
      await back('a retry')
      answers.push(({ socket }) => void socket.write(jsonAnswer('{"ok":true}')))
      assert.equal((await post(chat, { 'content-encoding': 'gzip' }, gzipSync(body))).status, 200)
      await back('a compressed body')
      const abort = new AbortController()
      answers.push(() => abort.abort())
      await assert.rejects(
        fetch(`${gateway.url}${chat}`, { method: 'POST', body, headers: json, signal: abort.signal }),
      )
      await back('a client that leaves before the answer')
    })

    it('are not held during a stream', async (t) => {
      let upstreamSocket: Socket | undefined
      const { gateway, heldBytes } = await start(t, options, ({ socket }) => {
        upstreamSocket = socket
        socket.write(sseHead)
        socket.write(chunk('data: {"choices":[{"delta":{"content":"a"}}]}\n\n'))
      })
      const response = await postChat(gateway.url, {
        stream: true,
        messages: [{ role: 'user', content: 'x'.repeat(2 * mebibyte) }],
      })
      const reader = response.body?.getReader()
      await reader?.read()
      await eventually(async () => (await heldBytes()) === 0)
      assert.ok(upstreamSocket?.destroyed === false)
      await reader?.cancel()
    })

    it('are too large if they exceed the budget', async (t) => {
      const { gateway, heldBytes } = await start(t, options)
      for (const body of [bodyOf(5 * mebibyte), new Blob([bodyOf(5 * mebibyte)]).stream()]) {
        const response = await fetch(`${gateway.url}${chat}`, {
          method: 'POST',
          body,
          headers: json,
          duplex: 'half',
        })
        assert.equal(response.status, 413)
      }
      await eventually(async () => (await heldBytes()) === 0)
    })

    it('use no memory by being announced', async (t) => {
      const { gateway, heldBytes } = await start(t, { ...options, max_buffered_bytes: '300MB' })
      const announced = `POST ${chat} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 90000000\r\n\r\n{`
      const sockets = await Promise.all(Array.from({ length: 20 }, () => openRaw(gateway.port, announced)))
      assert.ok((await heldBytes()) <= 20 * 66_000)
      const { memory } = (await (await fetch(`${gateway.url}/internal/process`)).json()) as {
        memory: { buffered_limit: string }
      }
      assert.equal(memory.buffered_limit, '300.00 MB')
      for (const socket of sockets) socket.destroy()
    })
  })
}
