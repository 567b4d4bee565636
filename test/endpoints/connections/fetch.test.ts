import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { createUpstreamFetch, FetchError } from '../../../src/endpoints/connections/fetch.ts'
import { UpstreamPools } from '../../../src/endpoints/connections/pools.ts'
import { systemClock } from '../../../src/kernel/clock.ts'

const list = '{"object":"list","data":[{"id":"m"}]}'
const maxBytes = 10_000

async function serving(t: TestContext, listener: RequestListener) {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const pools = new UpstreamPools(systemClock)
  t.after(async () => {
    await pools.close()
    server.closeAllConnections()
    server.close()
  })
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const fetch = createUpstreamFetch(pools)
  return {
    origin,
    ask: (path: string, body?: Buffer) =>
      fetch({ url: `${origin}${path}`, headers: ['X-Own', 'secret'], timeoutMs: 2_000, maxBytes, body }),
  }
}

describe('compressed answers', () => {
  const rows: [string, string | undefined, Buffer][] = [
    ['plain', undefined, Buffer.from(list)],
    ['identity', 'identity', Buffer.from(list)],
    ['gzip', 'gzip', gzipSync(list)],
    ['x-gzip', 'X-GZip', gzipSync(list)],
    ['br', 'br', brotliCompressSync(list)],
    ['zstd', 'zstd', zstdCompressSync(list)],
    ['deflate', 'deflate', deflateSync(list)],
    ['raw deflate', 'deflate', deflateRawSync(list)],
    ['br in gzip', 'br, gzip', gzipSync(brotliCompressSync(list))],
    ['a byte order mark', undefined, Buffer.from(`\ufeff${list}`)],
    ['a byte order mark in gzip', 'gzip', gzipSync(`\ufeff${list}`)],
  ]
  for (const [title, coding, body] of rows) {
    it(`decodes ${title}`, async (t) => {
      const { ask } = await serving(t, (request, response) => {
        assert.equal(request.headers['accept-encoding'], 'identity')
        if (coding !== undefined) response.setHeader('content-encoding', coding)
        response.end(body)
      })
      assert.equal((await ask('/v1/models')).body.toString(), list)
    })
  }

  for (const [title, coding, body, reason] of [
    [
      'a decompression bomb',
      'gzip',
      gzipSync(Buffer.alloc(maxBytes * 100)),
      /answer is not valid gzip within 10000 bytes/,
    ],
    ['garbage', 'br', Buffer.from('no brotli'), /answer is not valid br/],
    ['an unknown coding', 'snappy', Buffer.from(list), /answer in an unknown coding: snappy/],
  ] as const) {
    it(`rejects ${title} with the reason`, async (t) => {
      const { ask } = await serving(t, (_request, response) => {
        response.setHeader('content-encoding', coding)
        response.end(body)
      })
      await assert.rejects(
        ask('/v1/models'),
        (error) => error instanceof FetchError && reason.test(error.message),
      )
    })
  }
})

describe('redirects', () => {
  const rows: [string, (origin: string) => string, number][] = [
    ['to the path with a slash', () => '/models/', 307],
    ['relative', () => 'models/', 301],
    ['absolute on the same origin', (origin) => `${origin}/models/`, 308],
    ['with a query', () => '/models/?all=1', 302],
  ]
  for (const [title, location, statusCode] of rows) {
    it(`follows ${statusCode}: ${title}`, async (t) => {
      const seen: string[] = []
      const { ask, origin } = await serving(t, (request, response) => {
        seen.push(`${request.url} ${request.headers['x-own']}`)
        if (request.url === '/models')
          response.writeHead(statusCode, { location: location(origin) }).end('moved')
        else response.end(list)
      })
      const answer = await ask('/models')
      assert.equal(answer.statusCode, 200)
      assert.equal(answer.body.toString(), list)
      assert.equal(seen.length, 2)
      assert.match(seen[1] ?? '', /^\/models\/(\?all=1)? secret$/)
    })
  }

  for (const [title, location] of [
    ['to another port', 'http://127.0.0.1:9/models'],
    ['to another scheme', 'https://127.0.0.1/models'],
    ['to nowhere', 'http://'],
  ] as const) {
    it(`returns the redirect itself: ${title}`, async (t) => {
      const { ask } = await serving(t, (_request, response) => {
        response.writeHead(302, { location }).end()
      })
      assert.equal((await ask('/models')).statusCode, 302)
    })
  }

  it('stops at a redirect loop', async (t) => {
    let asked = 0
    const { ask } = await serving(t, (_request, response) => {
      asked++
      response.writeHead(302, { location: '/models' }).end()
    })
    assert.equal((await ask('/models')).statusCode, 302)
    assert.equal(asked, 6)
  })

  it('resends a body only if the status preserves it', async (t) => {
    for (const [statusCode, expected] of [
      [307, 200],
      [302, 302],
    ] as const) {
      const { ask } = await serving(t, (request, response) => {
        if (request.url === '/tokenize') response.writeHead(statusCode, { location: '/tokenize/' }).end()
        else request.pipe(response)
      })
      const answer = await ask('/tokenize', Buffer.from('{"prompt":"x"}'))
      assert.equal(answer.statusCode, expected)
      if (expected === 200) assert.equal(answer.body.toString(), '{"prompt":"x"}')
    }
  })
})
