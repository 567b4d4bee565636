import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ErrorCode, errorTable, GatewayError } from '../../src/kernel/errors.ts'
import { toGatewayError } from '../../src/proxy/request/error-mapping.ts'

const codes = Object.keys(errorTable) as ErrorCode[]

describe('the error table', () => {
  it('has a row for every code, with a valid HTTP status and a sentence', () => {
    for (const code of codes) {
      const { status, message } = errorTable[code]
      assert.ok(status >= 400 && status < 600, code)
      assert.ok(message.length > 5, code)
    }
  })

  it('never answers a network failure with 500', () => {
    for (const code of [
      'upstream_failed',
      'upstream_broken',
      'upstream_timeout',
      'no_healthy_endpoints',
    ] as const) {
      assert.ok([502, 503, 504].includes(errorTable[code].status), code)
    }
  })
})

describe('toGatewayError', () => {
  const coded = (code: string, statusCode = 500) =>
    Object.assign(new Error('inner detail'), { code, statusCode })
  const cases: [unknown, ErrorCode][] = [
    [coded('FST_ERR_CTP_BODY_TOO_LARGE', 413), 'payload_too_large'],
    [coded('FST_ERR_CTP_INVALID_MEDIA_TYPE', 415), 'unsupported_media_type'],
    [coded('FST_ERR_VALIDATION', 400), 'invalid_request'],
    [coded('SOMETHING', 418), 'invalid_request'],
    [coded('ECONNREFUSED'), 'internal'],
    [coded('EMFILE'), 'out_of_resources'],
    [coded('ENFILE'), 'out_of_resources'],
    [coded('ENOMEM'), 'out_of_resources'],
    [coded('ENOSPC'), 'out_of_resources'],
    [new Error('secret'), 'internal'],
    ['text', 'internal'],
    [undefined, 'internal'],
  ]
  for (const [error, code] of cases) {
    it(`${error instanceof Error ? error.name + (Reflect.get(error, 'code') ?? '') : String(error)} is ${code}`, () => {
      const mapped = toGatewayError(error)
      assert.equal(mapped.code, code)
      assert.doesNotMatch(mapped.message, /inner detail|secret/)
    })
  }

  it('returns a gateway error unchanged', () => {
    const error = new GatewayError('not_found')
    assert.equal(toGatewayError(error), error)
  })
})
