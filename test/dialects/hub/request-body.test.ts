import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseRequest, scanRequest } from '../../../src/dialects/hub/parts/request-body.ts'
import { GatewayError } from '../../../src/kernel/errors.ts'

const refuses = (check: () => void, message: RegExp) =>
  assert.throws(
    check,
    (error) =>
      error instanceof GatewayError && error.code === 'invalid_request' && message.test(error.message),
  )

describe('the depth of a request', () => {
  const nested = (depth: number) => Buffer.from(`${'['.repeat(depth)}${']'.repeat(depth)}`)
  it('is limited', () => {
    scanRequest(nested(400))
    refuses(() => scanRequest(nested(401)), /400 levels/)
    refuses(() => scanRequest(Buffer.from('{"a":'.repeat(100_000))), /400 levels/)
    refuses(() => scanRequest(Buffer.from(`[${'1,'.repeat(1_000)}1]`), 1_000), /more than 1000 values/)
  })

  it('does not include brackets inside strings', () => {
    scanRequest(Buffer.from(JSON.stringify({ a: '[{'.repeat(10_000), b: '\\"['.repeat(1_000) })))
    scanRequest(Buffer.from(JSON.stringify(Array.from({ length: 1_000 }, () => [[]]))))
  })
})

describe('parseRequest', () => {
  it('keeps long integers, and refuses what is not an object', () => {
    assert.equal(
      JSON.stringify(parseRequest(Buffer.from('{"a":12345678901234567890}'))),
      '{"a":12345678901234567890}',
    )
    refuses(() => parseRequest(Buffer.from('[]')), /must be an object/)
    assert.throws(() => parseRequest(Buffer.from('{')), { code: 'invalid_json' })
  })
})
