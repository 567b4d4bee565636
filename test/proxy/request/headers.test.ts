import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseConfig } from '../../../src/config/load.ts'
import { sectionOptions } from '../../../src/config/options/sections.ts'
import { buildEndpoints } from '../../../src/endpoints/registry/build.ts'
import { PairList } from '../../../src/http/headers/pair-list.ts'
import { headerValue } from '../../../src/http/headers/response-headers.ts'
import { clientHeaders } from '../../../src/proxy/answer/client-headers.ts'
import { forwardedHeaders, ownHeaders } from '../../../src/proxy/request/request-headers.ts'

const by = {
  forwardedFor: '203.0.113.7',
  clientAddress: '203.0.113.7',
  protocol: 'http',
  host: 'gateway:40114',
  model: 'm',
  version: '1.2.3',
  viaEntry: '1.1 olla/1.2.3 (id 1)',
} as const

function names(pairs: readonly string[]): string[] {
  return pairs.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase())
}

describe('forwardedHeaders', () => {
  it('drops credentials, hop-by-hop headers and those that Connection names', () => {
    const sent = forwardedHeaders(
      [
        ...['Authorization', 'Bearer client'],
        ...['Cookie', 'a=b'],
        ...['X-Api-Key', 'k'],
        ...['X-Auth-Token', 't'],
        ...['Connection', 'keep-alive, X-Drop-Me'],
        ...['X-Drop-Me', '1'],
        ...['TE', 'trailers'],
        ...['Upgrade', 'h2c'],
        ...['Content-Length', '3'],
        ...['Content-Type', 'application/json'],
        ...['anthropic-version', '2023-06-01'],
      ],
      by,
    )
    const present = names(sent)
    for (const gone of [
      'authorization',
      'cookie',
      'x-api-key',
      'x-auth-token',
      'connection',
      'x-drop-me',
      'te',
      'upgrade',
      'content-length',
    ]) {
      assert.ok(!present.includes(gone), gone)
    }
    assert.equal(headerValue(sent, 'content-type'), 'application/json')
    assert.equal(headerValue(sent, 'anthropic-version'), '2023-06-01')
  })

  it('adds the forwarding headers once', () => {
    const sent = forwardedHeaders(['X-Forwarded-For', '9.9.9.9', 'Via', '1.1 front'], by)
    assert.equal(names(sent).filter((name) => name === 'x-forwarded-for').length, 1)
    assert.equal(headerValue(sent, 'x-forwarded-for'), '203.0.113.7')
    assert.equal(headerValue(sent, 'via'), '1.1 front, 1.1 olla/1.2.3 (id 1)')
    assert.equal(headerValue(sent, 'x-real-ip'), '203.0.113.7')
    assert.equal(headerValue(sent, 'x-forwarded-host'), 'gateway:40114')
    assert.equal(headerValue(sent, 'x-model'), 'm')
  })

  it('drops what any Connection header names, in any case', () => {
    const sent = forwardedHeaders(
      [
        'connection',
        'Keep-Alive',
        'CONNECTION',
        'close, X-One ,x-two',
        'x-ONE',
        '1',
        'X-Two',
        '2',
        'X-Three',
        '3',
      ],
      by,
    )
    assert.deepEqual(
      names(sent).filter((name) => /one|two|three|connection/.test(name)),
      ['x-three'],
    )
  })

  it('remembers a bounded number of spellings, and recognizes others too', () => {
    for (let at = 0; at < 3000; at++) {
      const sent = forwardedHeaders(
        [`X-Own-${at}`, 'v', `aUTHORIZATIO${at % 2 === 0 ? 'n' : 'N'}`, 'secret'],
        by,
      )
      assert.equal(headerValue(sent, `x-own-${at}`), 'v')
      assert.equal(headerValue(sent, 'authorization'), undefined)
    }
  })
})

describe('headers set by clients', () => {
  const claims = [
    ...['X-Real-IP', 'Forwarded', 'X-Forwarded-Host', 'X-Forwarded-Proto', 'X-Forwarded-Port'],
    ...['X-Forwarded-Prefix', 'True-Client-IP', 'CF-Connecting-IP', 'X-Client-IP', 'X-Original-URL'],
    ...['X-Forwarded-User', 'Remote-User', 'X-Forwarded-Client-Cert', 'X-Auth-Request-Email'],
    ...['X-Rewrite-URL', 'X-HTTP-Method-Override', 'X-Method-Override', 'X-Original-Host'],
  ]
  const secrets = ['Authorization', 'api-key', 'x-goog-api-key', 'X-Api-Key', 'Proxy-Authorization']
  const own: Readonly<Record<string, string>> = {
    'x-real-ip': '203.0.113.7',
    'x-forwarded-host': 'gateway:40114',
    'x-forwarded-proto': 'http',
  }

  for (const name of [...claims, ...secrets]) {
    const twin = name.replaceAll('-', '_')
    for (const spelt of new Set([name, name.toLowerCase(), name.toUpperCase(), twin])) {
      it(`never reach an endpoint as ${spelt}`, () => {
        const sent = forwardedHeaders([spelt, '6.6.6.6', 'X-Other', '1'], by)
        assert.ok(!sent.includes('6.6.6.6'))
        assert.equal(headerValue(sent, name.toLowerCase()), own[name.toLowerCase()])
        assert.equal(headerValue(sent, 'x-other'), '1')
      })
    }
  }

  it('never reach it with underscores either if they affect connection or framing', () => {
    const framing = ['Transfer_Encoding', 'Content_Length', 'Connection_', 'X_Forwarded_For', 'Content_Type']
    const sent = forwardedHeaders(
      framing.flatMap((name) => [name, 'chunked']),
      by,
    )
    assert.deepEqual(
      sent.filter((_, at) => sent[at + 1] === 'chunked'),
      ['Connection_'],
    )
  })

  it('are replaced by Accept-Encoding: identity if the gateway reads the answer', () => {
    for (const spelt of ['accept-encoding', 'Accept-Encoding', 'Accept_Encoding']) {
      const raw = [spelt, 'gzip, br', 'X-Other', '1']
      const sent = forwardedHeaders(raw, { ...by, readsAnswer: true })
      assert.equal(headerValue(sent, 'accept-encoding'), 'identity')
      assert.ok(!sent.includes('gzip, br'))
    }
    assert.equal(headerValue(forwardedHeaders(['accept-encoding', 'gzip'], by), 'accept-encoding'), 'gzip')
  })

  it('are trusted from a trusted proxy, but never for another path or method', () => {
    const sent = forwardedHeaders(
      [
        'X-Forwarded-Proto',
        'https',
        'X-Forwarded-Host',
        'public',
        'X-Forwarded-Port',
        '443',
        'X-Rewrite-URL',
        '/x',
      ],
      { ...by, isTrusted: true },
    )
    assert.equal(headerValue(sent, 'x-forwarded-proto'), 'https')
    assert.equal(headerValue(sent, 'x-forwarded-host'), 'public')
    assert.equal(headerValue(sent, 'x-forwarded-port'), '443')
    assert.equal(headerValue(sent, 'x-rewrite-url'), undefined)
    assert.equal(names(sent).filter((name) => name.startsWith('x-forwarded-')).length, 4)
  })
})

describe('headers of a request whose body the gateway has read', () => {
  it('contain its content type once, and no content coding', () => {
    const raw = ['Content-Type', 'text/plain', 'content-type', 'x', 'Content-Encoding', 'gzip']
    const sent = forwardedHeaders(raw, { ...by, contentType: 'application/json' })
    assert.equal(names(sent).filter((name) => name === 'content-type').length, 1)
    assert.equal(headerValue(sent, 'content-type'), 'application/json')
    assert.equal(headerValue(sent, 'content-encoding'), undefined)
    assert.equal(headerValue(forwardedHeaders(raw, by), 'content-type'), 'text/plain')
  })

  it('omit the origin if the gateway handles CORS', () => {
    const raw = [
      'Origin',
      'https://app',
      'Access-Control-Request-Method',
      'POST',
      'access-control-request-headers',
      'x',
    ]
    const origin = (answersCors: boolean) =>
      names(forwardedHeaders(raw, { ...by, answersCors })).filter((name) =>
        /origin|access-control/.test(name),
      )
    assert.deepEqual(origin(true), [])
    assert.deepEqual(origin(false), [
      'origin',
      'access-control-request-method',
      'access-control-request-headers',
    ])
  })
})

describe('ownHeaders', () => {
  const config = parseConfig({
    discovery: {
      static: {
        endpoints: [
          {
            url: 'http://127.0.0.1:1',
            type: 'litellm',
            auth: { type: 'api_key', key: 'k', header: 'X-Team' },
            headers: { 'X-Plain': 'p', 'X-Secret-Thing': 's', 'X-Other': 'Bearer abc' },
          },
        ],
      },
    },
  })
  const [endpoint] = buildEndpoints(config.discovery.static.endpoints, {
    profile: () => undefined,
    proxy: sectionOptions('proxy', config.proxy),
  })

  it('contain the credentials for inference and model lists only', () => {
    assert.ok(endpoint)
    const of = (method: string, path: string) => names(ownHeaders(endpoint, method, path))
    const all = ['x-plain', 'x-secret-thing', 'x-other', 'x-team']
    assert.deepEqual(of('POST', '/v1/chat/completions'), all)
    assert.deepEqual(of('GET', '/v1/models'), all)
    for (const path of ['/health', '/key/list', '/anything', '/v1/chat/completions/../../key/list']) {
      assert.deepEqual(of('GET', path), ['x-plain'], path)
    }
    const managed = { ...endpoint, credentialNames: new Set<string>() }
    assert.deepEqual(names(ownHeaders(managed, 'GET', '/key/list')), all)
  })
})

describe('clientHeaders', () => {
  const own = (...pairs: string[]) => {
    const list = new PairList(pairs.length)
    list.addAll(pairs)
    return list
  }
  const scope = {
    endpoint: { origin: 'http://10.0.0.5:9001', basePath: '', preservePath: false },
    path: '/v1/x',
    clientPath: '/v1/x',
    client: { url: '/olla/proxy/v1/x', rawHeaders: [] },
  }

  it('rewrites the URLs of an endpoint, and drops those behind the gateway', () => {
    const sent = clientHeaders(
      own(),
      [
        ...[
          'Location',
          'http://10.0.0.5:9001/v1/x/',
          'Content-Location',
          '/v1/x/1',
          'Link',
          '</v1/y>; rel=next',
        ],
        ...[
          'Operation-Location',
          'http://10.0.0.6/op',
          'Alt-Svc',
          'h3=":443"',
          'Refresh',
          '0; url=http://10.0.0.5',
        ],
      ],
      new Set(),
      '1',
      { ...scope, answersCors: false },
    )
    assert.equal(headerValue(sent, 'location'), '/olla/proxy/v1/x/')
    assert.equal(headerValue(sent, 'content-location'), '/olla/proxy/v1/x/1')
    assert.equal(headerValue(sent, 'link'), '</olla/proxy/v1/y>; rel=next')
    assert.ok(!sent.join().includes('10.0.0.'))
    assert.equal(headerValue(sent, 'alt-svc'), undefined)
  })

  it("drops an endpoint's CORS headers if the gateway handles CORS", () => {
    const upstream = [
      'Access-Control-Allow-Origin',
      '*',
      'access-control-expose-headers',
      'x',
      'Vary',
      'Origin',
    ]
    const left = (answersCors: boolean) =>
      names(clientHeaders(own(), upstream, new Set(), '1', { ...scope, answersCors })).filter(
        (name) => name !== 'via',
      )
    assert.deepEqual(left(true), ['vary'])
    assert.deepEqual(left(false), ['access-control-allow-origin', 'access-control-expose-headers', 'vary'])
  })

  it('drops headers that must not reach a client', () => {
    const upstream = [
      'Content-Type',
      'a/b',
      'Content-Length',
      '5',
      'Set-Cookie',
      's=1',
      'X-Olla-Endpoint',
      'spoofed',
      'Connection',
      'X-Hop',
      'X-Hop',
      '1',
      'Keep-Alive',
      'timeout=5',
      'X-Secret',
      'key',
      'Via',
      '1.1 inner',
    ]
    const sent = clientHeaders(own('X-Olla-Endpoint', 'real'), upstream, new Set(['x-secret']), '1.2.3')
    assert.deepEqual(names(sent), ['x-olla-endpoint', 'content-type', 'content-length', 'via'])
    assert.equal(headerValue(sent, 'x-olla-endpoint'), 'real')
    assert.equal(headerValue(sent, 'via'), '1.1 inner, 1.1 olla/1.2.3')
  })

  it('lets the gateway replace headers of the same name', () => {
    const sent = clientHeaders(own('X-RateLimit-Limit', '9'), ['X-RateLimit-Limit', '1'], new Set(), '1')
    assert.deepEqual(
      sent.filter((_, at) => sent[at - 1] === 'X-RateLimit-Limit'),
      ['9'],
    )
  })
})
