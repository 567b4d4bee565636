import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { chatBody, postChat, rawExchange, startGateway } from '../support/gateway.ts'
import { chunk, jsonAnswer, type RawRequest, sseHead, startRawUpstream } from '../support/raw-upstream.ts'
import { engineOf, engines } from './engines.ts'

const good = ({ socket }: RawRequest) => void socket.write(jsonAnswer('{"from":"good"}'))

/** Ways to fail before the first byte of an answer. */
const failures: Record<string, (request: RawRequest) => void> = {
  'resets before headers': ({ socket }) => void socket.resetAndDestroy(),
  'closes before headers': ({ socket }) => void socket.end(),
  'closes within headers': ({ socket }) => void socket.end('HTTP/1.1 200 OK\r\nContent-'),
  'resets after headers': ({ socket }) => {
    socket.write(sseHead, () => socket.resetAndDestroy())
  },
  'answers 429': ({ socket }) => void socket.write(jsonAnswer('{}', { status: '429 Slow Down' })),
  'answers 502': ({ socket }) => void socket.write(jsonAnswer('{}', { status: '502 Bad' })),
  'answers 503': ({ socket }) => void socket.write(jsonAnswer('{}', { status: '503 Busy' })),
  'answers 504': ({ socket }) => void socket.write(jsonAnswer('{}', { status: '504 Late' })),
  'answers a status outside all classes': ({ socket }) =>
    void socket.write(jsonAnswer('{}', { status: '600 High' })),
  'answers what is not HTTP': ({ socket }) => void socket.end('SSH-2.0-nope\r\n\r\n'),
  'never answers': () => {},
}

for (const engine of engines) {
  describe(`failover of the ${engine} engine`, () => {
    for (const [name, fail] of Object.entries(failures)) {
      it(`tries the next endpoint after one that ${name}`, async (t) => {
        const bad = await startRawUpstream(t, fail)
        const fine = await startRawUpstream(t, good)
        const gateway = await startGateway(
          t,
          [
            { url: bad.url, name: 'bad', priority: 200 },
            { url: fine.url, name: 'good', priority: 100 },
          ],
          { proxy: { ...engineOf(engine), response_header_timeout: '500ms' } },
        )
        const response = await postChat(gateway.url)
        assert.equal(response.status, 200)
        assert.deepEqual(await response.json(), { from: 'good' })
        assert.equal(response.headers.get('x-olla-endpoint'), 'good')
        assert.equal(response.headers.get('x-olla-attempts'), '2')
        assert.equal(bad.requests.length, 1)
        assert.equal(fine.requests[0]?.body.toString(), chatBody())
      })
    }

    it('marks an endpoint that refuses connections offline at once', async (t) => {
      const bad = await startRawUpstream(t, good)
      const fine = await startRawUpstream(t, good)
      const gateway = await startGateway(
        t,
        [
          { url: bad.url, name: 'bad', priority: 200, check_interval: '60s', check_timeout: '1s' },
          { url: fine.url, name: 'good', priority: 100 },
        ],
        { proxy: engineOf(engine) },
      )
      await bad.stop()
      const response = await postChat(gateway.url)
      assert.equal(response.headers.get('x-olla-endpoint'), 'good')
      const rows = await gateway.status()
      assert.equal(rows.find((row) => row.name === 'bad')?.status, 'offline')
    })

    it('forwards the best answer if all fail', async (t) => {
      const busy = await startRawUpstream(t, ({ socket }) => {
        socket.write(
          jsonAnswer('{"error":"all slots busy"}', { status: '503 Busy', headers: 'Retry-After: 77\r\n' }),
        )
      })
      const dead = await startRawUpstream(t, ({ socket }) => void socket.resetAndDestroy())
      const gateway = await startGateway(
        t,
        [
          { url: busy.url, name: 'busy', priority: 200 },
          { url: dead.url, name: 'dead', priority: 100 },
        ],
        { proxy: { ...engineOf(engine), max_retries: 0 } },
      )
      const response = await postChat(gateway.url)
      assert.equal(response.status, 503)
      assert.equal(response.headers.get('retry-after'), '77')
      assert.partialDeepStrictEqual(await response.json(), { error: { message: 'all slots busy' } })
    })

    it('lists the attempts in the dialect of the API if no endpoint answered', async (t) => {
      const dead = await startRawUpstream(t, ({ socket }) => void socket.resetAndDestroy())
      const gateway = await startGateway(t, [{ url: dead.url, name: 'dead' }], {
        proxy: { ...engineOf(engine), max_retries: 0 },
      })
      const openai = await postChat(gateway.url)
      assert.equal(openai.status, 502)
      const body = (await openai.json()) as { error: { code: string; message: string; attempts: string[] } }
      assert.equal(body.error.code, 'upstream_failed')
      assert.deepEqual(body.error.attempts, ['dead: connection reset'])
      assert.doesNotMatch(JSON.stringify(body), /127\.0\.0\.1|ECONN/)
      const ollama = await fetch(`${gateway.url}/api/chat`, {
        method: 'POST',
        body: chatBody(),
        headers: { 'content-type': 'application/json' },
      })
      assert.equal(ollama.status, 502)
      assert.match(((await ollama.json()) as { error: string }).error, /dead: connection reset/)
    })

    it('treats a status outside all classes as an invalid answer', async (t) => {
      const odd = await startRawUpstream(
        t,
        ({ socket }) => void socket.write(jsonAnswer('{}', { status: '999 High' })),
      )
      const gateway = await startGateway(t, [{ url: odd.url, name: 'odd' }], {
        proxy: { ...engineOf(engine), max_retries: 0 },
      })
      const response = await postChat(gateway.url)
      assert.equal(response.status, 502)
      const { error } = (await response.json()) as { error: { attempts: string[] } }
      assert.deepEqual(error.attempts, ['odd: invalid HTTP response'])
    })

    it('tries an endpoint again that has dropped a connection once', async (t) => {
      let dropped = 0
      const flaky = await startRawUpstream(t, (request) => {
        if (dropped++ === 0) request.socket.end()
        else good(request)
      })
      const gateway = await startGateway(t, [{ url: flaky.url }], { proxy: engineOf(engine) })
      const response = await postChat(gateway.url)
      assert.equal(response.status, 200)
      assert.equal(flaky.requests.length, 2)
    })

    it('waits for a short Retry-After', async (t) => {
      let refused = 0
      const limited = await startRawUpstream(t, (request) => {
        if (refused++ === 0) {
          request.socket.write(jsonAnswer('{}', { status: '503 Busy', headers: 'Retry-After: 1\r\n' }))
        } else good(request)
      })
      const gateway = await startGateway(t, [{ url: limited.url }], { proxy: engineOf(engine) })
      const before = performance.now()
      const response = await postChat(gateway.url)
      assert.equal(response.status, 200)
      assert.ok(performance.now() - before >= 950)
    })

    it('ends a stream that broke with an error event and a cut connection', async (t) => {
      const dying = await startRawUpstream(t, ({ socket }) => {
        socket.write(sseHead + chunk('data: {"n":1}\n\n'), () => setImmediate(() => socket.resetAndDestroy()))
      })
      const gateway = await startGateway(t, [{ url: dying.url, name: 'dying' }], { proxy: engineOf(engine) })
      const body = chatBody({ stream: true })
      const answer = await rawExchange(
        gateway.port,
        `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      )
      assert.match(answer, /data: \{"n":1\}/)
      assert.match(answer, /data: \{"error":\{.*"code":"upstream_broken"/)
      assert.doesNotMatch(answer, /\r\n0\r\n\r\n$/)
      await assert.rejects(async () => (await postChat(gateway.url, { stream: true })).text())
    })

    it('cuts an answer shorter than its length', async (t) => {
      const short = await startRawUpstream(t, ({ socket }) => {
        socket.write(
          'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"choices":[{',
          () => setImmediate(() => socket.end()),
        )
      })
      const gateway = await startGateway(t, [{ url: short.url }], { proxy: engineOf(engine) })
      await assert.rejects(async () => (await postChat(gateway.url)).text())
    })

    it('cuts a chunked answer that does not end', async (t) => {
      const truncated = await startRawUpstream(t, ({ socket }) => {
        socket.write(
          `${sseHead.replace('text/event-stream', 'application/json')}${chunk('{"choices":[{')}`,
          () => setImmediate(() => socket.end()),
        )
      })
      const gateway = await startGateway(t, [{ url: truncated.url }], { proxy: engineOf(engine) })
      await assert.rejects(async () => (await postChat(gateway.url)).text())
    })

    it('ends a stream that stalls', async (t) => {
      const stalled = await startRawUpstream(
        t,
        ({ socket }) => void socket.write(sseHead + chunk('data: 1\n\n')),
      )
      const gateway = await startGateway(t, [{ url: stalled.url, timeouts: { idle: '200ms' } }], {
        proxy: engineOf(engine),
      })
      const response = await postChat(gateway.url, { stream: true })
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
      assert.equal((await reader?.read())?.value, 'data: 1\n\n')
      let rest = ''
      await assert.rejects(async () => {
        for (;;) {
          const read = await reader?.read()
          if (read === undefined || read.done) return
          rest += read.value
        }
      })
      assert.match(rest, /upstream_timeout/)
    })
  })
}
