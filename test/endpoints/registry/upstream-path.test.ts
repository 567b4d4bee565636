import assert from 'node:assert/strict'
import { posix } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { upstreamPath } from '../../../src/endpoints/registry/upstream-path.ts'

const based = { basePath: '/tenant/a', preservePath: true }

/** One reading of the escapes more, byte by byte, as a server behind a server may do. */
function decoded(path: string): string {
  return path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

describe('upstreamPath', () => {
  it('prepends the base path if it is preserved, and nothing else', () => {
    assert.equal(upstreamPath(based, '/v1/chat/completions', '?a=1'), '/tenant/a/v1/chat/completions?a=1')
    assert.equal(upstreamPath({ ...based, preservePath: false }, '/v1/models', ''), '/v1/models')
    assert.equal(upstreamPath({ basePath: '', preservePath: true }, '/v1/models', ''), '/v1/models')
  })

  it('joins a version once', () => {
    for (const [basePath, path, expected] of [
      ['/v1', '/v1/models', '/v1/models'],
      ['/openai/v1', '/v1/chat/completions', '/openai/v1/chat/completions'],
      ['/openai/v1', '/chat/completions', '/openai/v1/chat/completions'],
      ['/openai/v1', '/v1', '/openai/v1'],
      ['/openai/v1', '/v1beta/models', '/openai/v1/v1beta/models'],
      ['/openai/v1', '/openai/v1/models', '/openai/v1/models'],
      ['/engines/v1', '/engines/v1/models', '/engines/v1/models'],
      ['/llm/v2', '/v1/models', '/llm/v2/v1/models'],
      ['/vllm', '/vllm/x', '/vllm/vllm/x'],
      ['/x/api', '/api/chat', '/x/api/api/chat'],
    ] as const) {
      assert.equal(upstreamPath({ basePath, preservePath: true }, path, ''), expected, `${basePath} ${path}`)
    }
  })

  it('adds the query of the URL to every request', () => {
    const endpoint = { basePath: '', preservePath: false, query: 'api-version=1' }
    assert.equal(upstreamPath(endpoint, '/v1/models', ''), '/v1/models?api-version=1')
    assert.equal(upstreamPath(endpoint, '/v1/models', '?'), '/v1/models?api-version=1')
    assert.equal(upstreamPath(endpoint, '/v1/models', '?a=b'), '/v1/models?api-version=1&a=b')
  })

  const refused = [
    '/../admin',
    '/v1/..',
    '/v1/./models',
    '/%2e%2e/admin',
    '/%2E%2e/admin',
    '/.%2e/admin',
    '/v1/%2e/models',
    '/v1%2f..%2fadmin',
    '/v1/%2f../admin',
    '/v1/..%2fadmin',
    '/v1/..%5cadmin',
    '/v1/..\\admin',
    '/v1\\..\\admin',
    '/%252e%252e/admin',
    '/%252e%252e%252fadmin',
    '/%255c..%255cadmin',
    '/..;/admin',
    '/%2e%2e;x=1/admin',
    '/..%3bx/admin',
    '//evil.test/v1',
    '/v1//models',
    '/v1/\tmodels',
    '/.%09./admin',
    '/v1/%00',
    '/v1/models#/..',
    'v1/models',
    '',
  ]
  for (const path of refused) {
    it(`rejects ${JSON.stringify(path)}`, () => assert.equal(upstreamPath(based, path, ''), undefined))
  }

  const passed = [
    '/',
    '/v1/models/',
    '/v1/models/meta-llama%2FLlama-3-8B',
    '/v1/models/with%20space',
    '/v1/models/llama3.2:1b',
    '/v1/models/a..b',
    '/v1/models/...',
    '/v1/models/.hidden',
    '/v1/files/100%25',
    '/v1/models/%E6%A8%A1%E5%9E%8B',
    '/v1/x;version=1/y',
  ]
  for (const path of passed) {
    it(`keeps ${path} byte for byte`, () => {
      assert.equal(upstreamPath(based, path, '?q=%2e%2e'), `/tenant/a${path}?q=%2e%2e`)
    })
  }

  it('never leaves the base path, under any reading of the escapes (Olla: %2e%2e escapes it)', () => {
    const pieces = [
      '/',
      '.',
      '..',
      '%2e',
      '%2E',
      '%2f',
      '%5c',
      '\\',
      '%25',
      '2e',
      '2f',
      ';',
      '%3b',
      '%09',
      'v1',
      'é',
    ]
    let passedOn = 0
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 12 }), (parts) => {
        const path = `/${parts.join('')}`
        const result = upstreamPath(based, path, '')
        if (result === undefined) return
        passedOn++
        assert.equal(result, `/tenant/a${path}`)
        for (const reading of [result, decoded(result), decoded(decoded(result))]) {
          assert.ok(new URL(`http://upstream.test${reading}`).pathname.startsWith('/tenant/a/'), reading)
          assert.ok(`${posix.normalize(reading.replaceAll('\\', '/'))}/`.startsWith('/tenant/a/'), reading)
        }
      }),
      { numRuns: 5_000 },
    )
    assert.ok(passedOn > 100, `only ${passedOn} paths were passed on`)
  })

  it('keeps every path of ordinary segments unchanged', () => {
    const segment = fc
      .array(
        fc.constantFrom('a', 'Z', '7', '-', '_', '~', ':', '@', '+', ',', '.x', '%20', '%2F', '%C3%A9'),
        {
          minLength: 1,
          maxLength: 8,
        },
      )
      .map((characters) => `m${characters.join('')}`)
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 6 }), (segments) => {
        const path = `/${segments.join('/')}`
        assert.equal(upstreamPath(based, path, ''), `/tenant/a${path}`)
      }),
    )
  })
})
