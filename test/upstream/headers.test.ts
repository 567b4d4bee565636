import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { forwardedHeaders } from '../../src/upstream/request-headers.ts'
import { clientHeaders, headerValue } from '../../src/upstream/response-headers.ts'

const by = {
  forwardedFor: '203.0.113.7',
  clientAddress: '203.0.113.7',
  protocol: 'http',
  host: 'gateway:40114',
  model: 'm',
  version: '1.2.3',
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

  it('says who asks, once', () => {
    const sent = forwardedHeaders(['X-Forwarded-For', '9.9.9.9', 'Via', '1.1 front'], by)
    assert.equal(names(sent).filter((name) => name === 'x-forwarded-for').length, 1)
    assert.equal(headerValue(sent, 'x-forwarded-for'), '203.0.113.7')
    assert.equal(headerValue(sent, 'via'), '1.1 front, 1.1 olla/1.2.3')
    assert.equal(headerValue(sent, 'x-real-ip'), '203.0.113.7')
    assert.equal(headerValue(sent, 'x-forwarded-host'), 'gateway:40114')
    assert.equal(headerValue(sent, 'x-model'), 'm')
  })

  it('drops what any Connection header names, however it is spelt', () => {
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

  it('remembers a bounded number of spellings, and knows names beyond as well', () => {
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

describe('clientHeaders', () => {
  it('drops what an endpoint must not tell a client', () => {
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
    const sent = clientHeaders(upstream, ['X-Olla-Endpoint', 'real'], new Set(['x-secret']), '1.2.3')
    assert.deepEqual(names(sent), ['content-type', 'content-length', 'via', 'x-olla-endpoint'])
    assert.equal(headerValue(sent, 'x-olla-endpoint'), 'real')
    assert.equal(headerValue(sent, 'via'), '1.1 inner, 1.1 olla/1.2.3')
  })

  it('lets the gateway replace headers of the same name', () => {
    const sent = clientHeaders(['X-RateLimit-Limit', '1'], ['X-RateLimit-Limit', '9'], new Set(), '1')
    assert.deepEqual(
      sent.filter((_, at) => sent[at - 1] === 'X-RateLimit-Limit'),
      ['9'],
    )
  })
})
