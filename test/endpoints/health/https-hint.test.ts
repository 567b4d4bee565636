import assert from 'node:assert/strict'
import { createServer as createHttp } from 'node:http'
import { createServer as createHttps } from 'node:https'
import { type AddressInfo, createServer as createTcp, type Server } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { createUpstreamFetch, FetchError } from '../../../src/endpoints/connections/fetch.ts'
import { UpstreamPools } from '../../../src/endpoints/connections/pools.ts'
import { hintHttps } from '../../../src/endpoints/health/https-hint.ts'
import { identity } from '../../support/certificates.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const told = 'invalid HTTP response (it speaks TLS: use https)'

describe('an http URL of a TLS port', () => {
  const cases: readonly (readonly [name: string, server: () => Server, message: string | undefined])[] = [
    ['of a server that closes without an answer', () => createHttps(identity('localhost')), told],
    [
      'of a server that closes, but does not support TLS',
      () => createTcp((socket) => socket.once('data', () => socket.end())),
      'connection closed before the answer was complete',
    ],
    ['that speaks HTTP', () => createHttp((_request, response) => response.end('ok')), undefined],
    [
      'that answers 400, but does not support TLS',
      () => createHttp((_request, response) => void response.writeHead(400).end()),
      undefined,
    ],
  ]
  for (const [name, create, message] of cases) {
    it(`is ${message === told ? 'reported' : 'not suspected'}: ${name}`, async (t) => {
      const fetch = await start(t, create())
      if (message === undefined) assert.ok(await fetch())
      else await assert.rejects(fetch(), (error) => error instanceof FetchError && error.message === message)
    })
  }

  it('is distinguished from the server’s own 400', async () => {
    const answer = { statusCode: 400, header: () => undefined, body: Buffer.alloc(0), durationMs: 1 }
    for (const isTls of [true, false]) {
      const fetch = hintHttps(
        async () => answer,
        new FakeClock(),
        async () => isTls,
      )
      const asked = fetch({ url: 'http://h/health', headers: [], timeoutMs: 1, maxBytes: 1 })
      if (isTls) await assert.rejects(asked, { message: told })
      else assert.equal(await asked, answer)
    }
  })

  it('is checked once a minute', async () => {
    const clock = new FakeClock()
    let looks = 0
    const failing = () => Promise.reject(new FetchError({ kind: 'closed' }))
    const fetch = hintHttps(failing, clock, async () => ++looks > 1)
    const ask = () => fetch({ url: 'http://h/health', headers: [], timeoutMs: 1, maxBytes: 1 })
    for (let at = 0; at < 5; at++) await assert.rejects(ask(), { message: /^connection closed/ })
    assert.equal(looks, 1)
    await clock.advance(60_000)
    await assert.rejects(ask(), { message: told })
    await assert.rejects(fetch({ url: 'https://h/', headers: [], timeoutMs: 1, maxBytes: 1 }), {
      message: /^connection closed/,
    })
    assert.equal(looks, 2)
  })
})

async function start(t: TestContext, server: Server) {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const pools = new UpstreamPools(new FakeClock())
  t.after(async () => {
    await pools.close()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const fetch = hintHttps(createUpstreamFetch(pools), new FakeClock())
  return () =>
    fetch({ url: `http://127.0.0.1:${port}/health`, headers: [], timeoutMs: 5_000, maxBytes: 1_000 })
}
