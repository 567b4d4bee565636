import assert from 'node:assert/strict'
import { before, describe, it, type TestContext } from 'node:test'
import { type RunningGateway, startGateway } from '../support/gateway.ts'
import { exchangeRaw } from '../support/raw-client.ts'
import { jsonAnswer, type RawUpstream, startRawUpstream } from '../support/raw-upstream.ts'

const body = '{"model":"m"}'
const rest = `Host: gateway\r\nConnection: close\r\n`
const post = `${rest}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
const get = `${rest}\r\n`

interface Target {
  readonly sent: string
  /** What the endpoint is asked for. */
  readonly path: string
  readonly host?: string
}

const chat = '/v1/chat/completions'
/** A request whose connection would be kept. */
const chunked = (coding: string, version = 'HTTP/1.1', more = '') =>
  `POST ${chat} ${version}\r\nHost: gateway\r\n${more}Content-Type: application/json\r\nTransfer-Encoding: ${coding}\r\n\r\nd\r\n${body}\r\n0\r\n\r\n`
const targets: readonly Target[] = [
  ...['http://gateway', 'HTTP://Gateway:40114', 'https://gateway', 'http://user:pw@gateway'].flatMap(
    (origin) => [
      { sent: `${origin}${chat}`, path: chat, host: origin.replace(/^.*[/@]/, '') },
      { sent: `${origin}/olla/proxy${chat}`, path: chat, host: origin.replace(/^.*[/@]/, '') },
      { sent: `${origin}/olla/openai${chat}?a=b//c`, path: `${chat}?a=b//c` },
      { sent: `${origin}/api/chat`, path: '/api/chat' },
    ],
  ),
  { sent: `http://[::1]:40114${chat}`, path: chat, host: '[::1]:40114' },
  { sent: `http://gateway//olla//proxy//v1//chat/completions`, path: chat },
  { sent: `/${chat}`, path: chat, host: 'gateway' },
  { sent: '/v1//chat/completions', path: chat },
  { sent: '///v1///chat///completions', path: chat },
  { sent: '//olla/proxy/v1/chat/completions', path: chat },
  { sent: '/olla//proxy/v1/chat/completions', path: chat },
  { sent: '/olla/openai//v1/chat/completions', path: chat },
  { sent: '/v1/chat/completions//', path: chat },
  { sent: '/v1/chat/completions?q=//', path: `${chat}?q=//` },
  { sent: '/v1/files/a%2F%2Fb', path: '/v1/files/a%2F%2Fb' },
]

/** Refused by what they ask for, not by their form: another request may follow. */
const keeps: readonly string[] = [
  'a path that leaves its API',
  'one behind doubled slashes',
  'one in an absolute target',
  'GET for messages',
  'GET below its prefix',
  'DELETE for counts',
]

/** [what, the bytes, the status, more that the answer has to have] */
const requests: readonly (readonly [string, string, number, RegExp?])[] = [
  ['a path that leaves its API', `GET /v1/../admin HTTP/1.1\r\n${get}`, 400],
  ['one behind doubled slashes', `GET /v1//..//admin HTTP/1.1\r\n${get}`, 400],
  ['one in an absolute target', `GET http://a/v1/%2e%2e/admin HTTP/1.1\r\n${get}`, 400],
  ['an absolute target without a path', `GET http://gateway HTTP/1.1\r\n${get}`, 200, /olla-gateway/],
  ['one with a query only', `GET http://gateway?a=b HTTP/1.1\r\n${get}`, 200, /olla-gateway/],
  ['absolute targets of every route', `GET http://gateway/internal/health HTTP/1.1\r\n${get}`, 200],
  ['doubled slashes of every route', `GET //internal//health HTTP/1.1\r\n${get}`, 200],
  ['doubled slashes of models', `GET //v1//models HTTP/1.1\r\n${get}`, 200, /"m"/],
  ['an authority that is no host', `GET http://a b/v1/models HTTP/1.1\r\n${get}`, 400],
  ['another one', `GET http://a"b/v1/models HTTP/1.1\r\n${get}`, 400],
  ['another scheme', `GET ftp://a/v1/models HTTP/1.1\r\n${get}`, 400],
  ['OPTIONS *', `OPTIONS * HTTP/1.1\r\n${get}`, 204, /\r\nallow: GET, HEAD, POST/i],
  ['CONNECT', 'CONNECT api.example:443 HTTP/1.1\r\nHost: a\r\n\r\n', 405, /"method_not_allowed"/],
  ['TRACE', `TRACE /v1/models HTTP/1.1\r\n${get}`, 405, /\r\nallow: GET, HEAD, POST/i],
  ['GET for messages', `GET /v1/messages HTTP/1.1\r\n${get}`, 405, /\r\nallow: POST\r\n/i],
  ['GET below its prefix', `GET /olla/anthropic/v1/messages HTTP/1.1\r\n${get}`, 405, /\r\nallow: POST\r\n/i],
  ['DELETE for counts', `DELETE /v1/messages/count_tokens HTTP/1.1\r\n${get}`, 405, /"type":"error"/],
  ['two hosts', `GET /v1/models HTTP/1.1\r\nHost: a\r\n${get}`, 400, /"invalid_request"/],
  ['the same host twice', `GET /v1/models HTTP/1.1\r\nHost: gateway\r\n${get}`, 400],
  ...['a b', 'http://a', 'a/b', 'a@b', 'a:b', '[a', 'ü', 'a%', '.', 'a..b', ''].map(
    (host) =>
      [
        `the host ${host}`,
        `GET /v1/models HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
        400,
      ] as const,
  ),
  ...['a', 'a:', 'a_b.c:8080', '[::1]:1', '127.0.0.1'].map(
    (host) =>
      [
        `the host "${host}"`,
        `GET /v1/models HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
        200,
      ] as const,
  ),
  ['HTTP/1.0 without a host', 'GET /v1/models HTTP/1.0\r\n\r\n', 200],
  ['HTTP/1.1 without a host', 'GET /v1/models HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
  ['HTTP/2.0', `GET /v1/models HTTP/2.0\r\n${get}`, 505, /"http_version_not_supported"/],
  ['HTTP/1.2', `GET /v1/models HTTP/1.2\r\n${get}`, 505],
  ['HTTP/0.9', `GET /v1/models HTTP/0.9\r\n${get}`, 505],
  [
    'an upgrade to HTTP/2, which is not taken',
    `POST ${chat} HTTP/1.1\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n${post.replace('Connection: close', 'Connection: close, Upgrade, HTTP2-Settings')}`,
    200,
  ],
  [
    'a WebSocket',
    `GET /v1/realtime?model=m HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    501,
    /"not_supported".*|WebSocket/,
  ],
  ['a head that is too long', `GET /v1/models HTTP/1.1\r\nX-A: ${'x'.repeat(3_000_000)}\r\n${get}`, 431],
  ['what is not HTTP', 'nonsense\r\n\r\n', 400],
  ['two lengths', `POST ${chat} HTTP/1.1\r\nContent-Length: 3\r\n${post}`, 400],
  ['a length and chunks', `POST ${chat} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n${post}`, 400],
  ...[
    'gzip, chunked',
    'identity, chunked',
    ', chunked',
    'chunked;q=1, chunked',
    'cow\r\nTransfer-Encoding: chunked',
  ].map((coding) => [`the coding ${coding}`, chunked(coding), 501, /"not_supported"/] as const),
  ...['gzip', 'xchunked'].map(
    (coding) => [`the coding ${coding} without chunks`, chunked(coding), 501] as const,
  ),
  ...['chunked, gzip', ''].map((coding) => [`the coding "${coding}"`, chunked(coding), 400] as const),
  ['chunks of HTTP/1.0', chunked('chunked', 'HTTP/1.0', 'Connection: keep-alive\r\n'), 400],
  ['the coding twice', chunked('chunked\r\nTransfer-Encoding: chunked'), 400],
  ...['Host: a\r\nHost: a', 'Host:', 'Host: a b'].map(
    (lines) => [`HTTP/1.0 with ${lines}`, `GET /v1/models HTTP/1.0\r\n${lines}\r\n\r\n`, 400] as const,
  ),
  ['HTTP/0.9 without a version', 'GET /v1/models\r\n\r\n', 505],
  ['RTSP', `GET /v1/models RTSP/1.0\r\n${get}`, 505],
  ['RTSP of another version', `POST /v1/models RTSP/1.1\r\n${post}`, 505],
  ['HTTP/3.0', `GET /v1/models HTTP/3.0\r\n${get}`, 505],
  ...['#', '?#f', '?q=#', '?q="', '"', '<', '>', '?<', '\x7f', '\x01'].map(
    (end) => [`the target /v1/models${end}`, `GET /v1/models${end} HTTP/1.1\r\n${get}`, 400] as const,
  ),
  ['a fragment of an absolute target', `GET http://gateway/v1/models#f HTTP/1.1\r\n${get}`, 400],
  ['an absolute target without a host', `GET http:///v1/models HTTP/1.1\r\n${get}`, 400],
  ['a path that cannot be decoded', `GET /v1/%zz HTTP/1.1\r\n${get}`, 400, /"invalid_path"/],
  ['an asterisk for GET', `GET * HTTP/1.1\r\n${get}`, 400],
  ['the root of HTTP/2.0', `GET / HTTP/2.0\r\n${get}`, 505, /"http_version_not_supported"/],
  ['the root for two hosts', `GET / HTTP/1.1\r\nHost: a\r\n${get}`, 400, /"invalid_request"/],
  ['an unknown path of HTTP/2.0', `GET /nothing HTTP/2.0\r\n${get}`, 505],
  ['a method of WebDAV', `PROPFIND /v1/models HTTP/1.1\r\n${get}`, 405, /\r\nallow: GET, HEAD, POST/i],
  ['too many fields', `GET /v1/models HTTP/1.1\r\n${'X: y\r\n'.repeat(1_100)}${get}`, 431],
  [
    'a coding behind more fields than Node keeps',
    `POST ${chat} HTTP/1.1\r\n${'X: y\r\n'.repeat(2_500)}Transfer-Encoding: gzip, chunked\r\nHost: a\r\n\r\n0\r\n\r\n`,
    431,
  ],
]

async function start(t: TestContext, http_server: string): Promise<[RunningGateway, RawUpstream]> {
  const upstream = await startRawUpstream(t, ({ socket }) => void socket.write(jsonAnswer('{"ok":true}')))
  const gateway = await startGateway(
    t,
    [{ url: upstream.url }],
    { server: { http_server, allowed_hosts: ['*'] }, proxy: { translation: { enabled: false } } },
    { threads: 1 },
  )
  return [gateway, upstream]
}

for (const httpServer of ['own', 'node']) {
  describe(`the ${httpServer} server`, () => {
    let gateway: RunningGateway
    let upstream: RawUpstream
    const ends: (() => unknown)[] = []
    before(async (t) => {
      ;[gateway, upstream] = await start(
        { ...t, after: (end: () => unknown) => void ends.unshift(end) } as TestContext,
        httpServer,
      )
    })

    for (const { sent, path, host } of targets) {
      it(`forwards the target ${sent} as ${path}`, async () => {
        const { text } = await exchangeRaw(gateway.port, `POST ${sent} HTTP/1.1\r\n${post}`)
        assert.match(text, /^HTTP\/1\.1 200 /)
        const head = upstream.requests.at(-1)?.head ?? ''
        assert.equal(head.split(' ')[1], path)
        if (host !== undefined)
          assert.match(head.toLowerCase(), new RegExp(`x-forwarded-host: ${escaped(host)}$`, 'm'))
      })
    }

    for (const [what, bytes, status, more] of requests) {
      it(`answers ${status} to ${what}`, async () => {
        const { text, ending } = await exchangeRaw(gateway.port, bytes)
        assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} `))
        assert.equal(ending, 'end')
        if (more !== undefined) assert.match(text, more)
        if (status >= 400) assert.match(text, /\r\nx-olla-request-id: \S+\r\n/i)
      })
      // What a proxy in front takes for the body of a refused request must not be one here.
      if (status >= 400 && status !== 431 && !keeps.includes(what))
        it(`serves nothing after ${what}`, async () => {
          const before = upstream.requests.length
          const keeping = bytes.replace('Connection: close', 'Connection: keep-alive')
          const { text } = await exchangeRaw(gateway.port, `${keeping}POST ${chat} HTTP/1.1\r\n${post}`)
          assert.equal(text.match(/HTTP\/1\.1 \d{3} /g)?.length, 1)
          assert.equal(upstream.requests.length, before)
        })
    }

    it('stops', async () => {
      for (const end of ends) await end()
    })
  })
}

function escaped(text: string): string {
  return text.toLowerCase().replace(/[[\].]/g, '\\$&')
}
