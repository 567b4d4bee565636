import assert from 'node:assert/strict'
import type { IncomingHttpHeaders } from 'node:http'
import { describe, it } from 'node:test'
import { BrowserCheck } from '../../../src/admin/security/browser-check.ts'
import type { BrowserRequest } from '../../../src/admin/security/host-check.ts'
import { isLocalOrigin, isOriginOfHost, OriginList } from '../../../src/admin/security/origins.ts'

type Case = readonly [name: string, headers: IncomingHttpHeaders, rest?: Partial<BrowserRequest>]

const post = (headers: IncomingHttpHeaders, rest: Partial<BrowserRequest> = {}): BrowserRequest => ({
  method: 'POST',
  httpVersion: '1.1',
  headers: { host: 'localhost:40114', ...headers },
  peer: '127.0.0.1',
  port: 40114,
  isLoopbackOnly: true,
  ...rest,
})

function checkOf(corsOrigins?: readonly string[], allowedHosts: readonly string[] = []): BrowserCheck {
  const list = corsOrigins && new OriginList(corsOrigins)
  return new BrowserCheck({ corsOrigins: list, allowedHosts, machineName: 'Box.example.com' })
}

/** `refused`, `passed`, or `reads` where the page gets CORS headers. */
function outcome(check: BrowserCheck, [, headers, rest]: Case): string {
  const request = post(headers, rest)
  const decision = check.decide(request)
  // What needs no closer look must be what a closer look lets in.
  if (check.isPlain(request.headers)) assert.deepEqual(decision, { allowed: true, reads: false })
  if (!decision.allowed) return 'refused'
  return decision.reads ? 'reads' : 'passed'
}

function table(expected: string, cases: readonly Case[], check = checkOf()): void {
  for (const each of cases) {
    it(`${expected}: ${each[0]}`, () => assert.equal(outcome(check, each), expected))
  }
}

const get = { method: 'GET' } as const
const onNetwork = { isLoopbackOnly: false } as const
const lanPeer = { peer: '192.168.1.20', isLoopbackOnly: false } as const
const rebound = { host: 'evil.example:40114', origin: 'http://evil.example:40114' }

describe('requests of programs', () => {
  table('passed', [
    ['no browser headers, localhost', {}],
    ['an IPv4 address as Host', { host: '127.0.0.1:40114' }],
    ['an IPv6 address as Host', { host: '[::1]:40114' }],
    ['another address of the machine', { host: '192.168.1.5:40114' }],
    ['no Host at all', { host: undefined }],
    ['a name below localhost', { host: 'llm.localhost:40114' }],
    ['a name of the local network', { host: 'box.local:40114' }, lanPeer],
    ['a name without a dot', { host: 'gateway:40114' }, lanPeer],
    ['the host as containers see it', { host: 'host.docker.internal:40114' }],
    ["the machine's own name", { host: 'box.EXAMPLE.com.:40114' }],
    ['a public name from the network', { host: 'llm.example.com:40114' }, lanPeer],
    ['a public name on a listener for the network', { host: 'llm.example.com:40114' }, onNetwork],
    ['Node’s fetch', { 'sec-fetch-mode': 'cors', 'accept-language': '*', 'user-agent': 'node' }],
    ['a user agent like a browser’s', { 'user-agent': 'Mozilla/5.0' }],
    ['a socket without addresses', { host: 'llm.example.com' }, { peer: undefined, port: undefined }],
  ])
})

describe('requests behind a reverse proxy on this machine', () => {
  const name = { host: 'llm.example.com' }
  const forwarded = { ...name, 'x-forwarded-for': '203.0.113.9' }
  table('passed', [
    ['a program', forwarded],
    ['a program, by nginx without forwarding headers', name, { httpVersion: '1.0' }],
    ['a program, by a proxy that says Via', { ...name, via: '1.1 proxy' }],
    ['a program, by a proxy on the same port number', { ...forwarded, host: 'llm.example.com:40114' }],
    ['a program, by RFC 7239', { ...name, forwarded: 'for=203.0.113.9' }],
    ['a page over TLS', { ...name, origin: 'https://llm.example.com', 'sec-fetch-site': 'same-origin' }],
    ['a page over TLS, in an older browser', { ...name, origin: 'https://llm.example.com' }],
    ['a page over TLS on another port', { ...name, origin: 'https://llm.example.com:8443' }],
    [
      'a page over TLS, Host replaced',
      { origin: 'https://llm.example.com', 'sec-fetch-site': 'same-origin' },
    ],
    ['a page without TLS', { ...forwarded, origin: 'http://llm.example.com' }],
    ['a page without TLS, Host replaced', { origin: 'http://chat.lan', 'x-forwarded-host': 'chat.lan' }],
    ['a page of a private name without TLS', { host: 'llm.lan', origin: 'http://llm.lan' }],
    ['a link that is followed', { ...forwarded, 'sec-fetch-site': 'none', 'user-agent': 'Mozilla/5.0' }, get],
  ])
  table('refused', [
    ['a page of another site', { ...forwarded, origin: 'https://evil.example' }],
    ['the same, Host replaced', { origin: 'http://evil.example', 'x-forwarded-host': 'chat.lan' }],
  ])
})

describe('pages of other sites', () => {
  table('refused', [
    ['a form or a simple request', { origin: 'http://evil.example', 'sec-fetch-site': 'cross-site' }],
    ['over plain HTTP', { origin: 'http://evil.example' }],
    ['over TLS', { origin: 'https://evil.example' }],
    ['to an address', { host: '127.0.0.1:40114', origin: 'https://evil.example' }],
    ['to the network', { host: '192.168.1.5:40114', origin: 'https://evil.example' }, lanPeer],
    ['a sandboxed frame or a file', { origin: 'null' }],
    ['without an origin', { 'sec-fetch-site': 'cross-site' }],
    ['an image', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }, get],
    ['an image of a sibling', { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'no-cors' }, get],
    [
      'a frame',
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' },
      get,
    ],
    ['a form that navigates', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }],
    [
      'a sibling',
      { host: 'llm.example.com', origin: 'https://www.example.com', 'sec-fetch-site': 'same-site' },
    ],
    ['another port of the gateway’s name', { host: 'box.lan:40114', origin: 'http://box.lan:3000' }],
    ['a name that begins like localhost', { origin: 'http://localhost.evil.example' }],
    ['a name that ends like an address', { origin: 'http://127.0.0.1.evil.example' }],
    ['localhost before an @', { origin: 'http://localhost@evil.example' }],
    ['localhost as a port', { origin: 'http://evil.example:localhost' }],
    ['an extension', { origin: 'chrome-extension://abc', 'sec-fetch-site': 'cross-site' }],
    ['two origins', { origin: 'http://localhost:3000, http://evil.example' }],
  ])
  table('passed', [
    ['a link', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }, get],
    [
      'a link in a browser of today',
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
      get,
    ],
    ['an extension with access', { origin: 'chrome-extension://abc', 'sec-fetch-site': 'none' }],
    ['the gateway’s own page', { origin: 'http://localhost:40114', 'sec-fetch-site': 'same-origin' }],
    [
      'the gateway’s own page on the network',
      { host: 'box.lan:40114', origin: 'http://box.lan:40114' },
      lanPeer,
    ],
    [
      'the gateway’s own page by its address',
      { host: '10.0.0.5:40114', origin: 'http://10.0.0.5:40114' },
      lanPeer,
    ],
  ])
})

describe("pages of this machine's programs", () => {
  const origins = [
    ...[
      'http://localhost:3000',
      'https://localhost',
      'http://127.0.0.1:8080',
      'http://0.0.0.0:5173',
      'http://[::1]:1',
    ],
    ...[
      'http://tauri.localhost',
      'app://obsidian.md',
      'file://',
      'tauri://localhost',
      'vscode-file://vscode-app',
    ],
    'vscode-webview://1a2b',
  ]
  const cases = origins.map((origin): Case => [origin, { origin, 'sec-fetch-site': 'cross-site' }])
  table('reads', cases)
  // The configuration says which origins read; these are not refused for that.
  table('passed', cases, checkOf(['https://app.example']))
})

describe('rebound names', () => {
  table('refused', [
    ['a request', rebound],
    ['on a listener for the network', rebound, onNetwork],
    ['on an address of the network', rebound, lanPeer],
    ['by IPv6', rebound, { peer: '::1' }],
    ['by an IPv4 address as IPv6', rebound, { peer: '::ffff:127.0.0.1' }],
    ['with the site that browsers say', { ...rebound, 'sec-fetch-site': 'same-origin' }],
    ['with forwarding headers of its own', { ...rebound, 'x-forwarded-for': '1.2.3.4' }],
    ['without the origin’s name', { ...rebound, origin: 'null' }],
    ['read', { host: 'evil.example:40114', 'user-agent': 'Mozilla/5.0' }, get],
    [
      'read on a listener for the network',
      { host: 'evil.example:40114', 'accept-language': 'en' },
      { ...get, ...onNetwork },
    ],
    ['read with forwarding headers', { host: 'evil.example:40114', referer: 'x', forwarded: 'for=a' }, get],
    ['without a port', { host: 'evil.example' }],
    ['read without a port', { host: 'evil.example' }, get],
    ['on port 80', { host: 'evil.example', origin: 'http://evil.example' }, { port: 80 }],
    ['a name that begins like localhost', { host: 'localhost.evil.example:40114' }],
    ['a name that begins like an address', { host: '127.0.0.1.evil.example:40114' }],
    ['upper case and a dot', { host: 'EVIL.EXAMPLE.:40114' }],
  ])
  const allowed = checkOf(undefined, ['LLM.example.com'])
  table(
    'passed',
    [['a name that is allowed', { host: 'llm.example.com:40114', origin: 'http://llm.example.com:40114' }]],
    allowed,
  )
  table('refused', [['another one beside it', rebound]], allowed)
  table('passed', [['any name, where all are allowed', rebound]], checkOf(undefined, ['*']))
})

describe('origins that CORS allows', () => {
  const check = checkOf(['https://app.example', 'chrome-extension://*', 'https://*.team.example'])
  table(
    'reads',
    [
      ['the origin', { origin: 'https://app.example', 'sec-fetch-site': 'cross-site' }],
      ['an extension', { origin: 'chrome-extension://abc' }],
      ['a pattern', { origin: 'https://a.team.example' }],
    ],
    check,
  )
  table(
    'refused',
    [
      ['another one', { origin: 'https://app.example.evil' }],
      ['another scheme', { origin: 'http://app.example' }],
      ['less than the pattern', { origin: 'https://team.example' }],
      ['a name led here', rebound],
    ],
    check,
  )
  table('reads', [['all', { origin: 'null' }]], checkOf(['*']))
})

describe('origins', () => {
  it('are compared with Host by name and port', () => {
    assert.equal(isOriginOfHost('https://a.example', 'a.example'), true)
    assert.equal(isOriginOfHost('https://a.example', 'a.example:443'), true)
    assert.equal(isOriginOfHost('http://a.example', 'a.example:443'), false)
    assert.equal(isOriginOfHost('http://[::1]:8080', '[::1]:8080'), true)
    for (const origin of ['null', '', 'app://a.example', 'http://', 'http://a.example/x']) {
      assert.equal(isOriginOfHost(origin, 'a.example'), false, origin)
    }
  })

  it('of any length are checked in linear time', () => {
    for (const text of [
      `http://${'a.'.repeat(500_000)}localhost`,
      `http://${'a'.repeat(1_000_000)}.localhost`,
    ]) {
      assert.equal(isLocalOrigin(text), false)
      assert.equal(isOriginOfHost(text, 'localhost'), false)
      assert.equal(new OriginList(['https://*.example']).has(text), false)
    }
  })
})
