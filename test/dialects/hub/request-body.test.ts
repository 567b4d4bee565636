import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  parseRequest,
  parseShort,
  RequestScan,
  scanRequest,
} from '../../../src/dialects/hub/parts/request-body.ts'
import { GatewayError } from '../../../src/kernel/errors.ts'
import { scanBody } from '../../../src/kernel/json/body-scan.ts'
import { longTextPlan } from '../../../src/kernel/json/long-texts.ts'

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

describe('a request that is scanned while its members are read', () => {
  const plan = longTextPlan({ paths: ['system', 'messages.content'], messages: 'messages' })
  const scanned = (body: Buffer) => {
    const scan = new RequestScan(body, plan, 0)
    const isWhole = scanBody(body, scan) !== undefined
    return { scan, isWhole }
  }

  it('is parsed as one that is scanned by itself', () => {
    const text = fc.oneof(fc.string(), fc.constant('a "text"\n of many words '.repeat(40)))
    const message = fc.record({ role: fc.constantFrom('user', 'assistant', 'system'), content: text })
    const request = fc.record(
      {
        model: text,
        system: text,
        seed: fc.oneof(fc.double({ noNaN: true }), fc.integer()),
        messages: fc.array(message, { maxLength: 12 }),
        tools: fc.jsonValue(),
        stream: fc.boolean(),
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(request, fc.constantFrom(undefined, 1), (value, space) => {
        const body = Buffer.from(JSON.stringify(value, undefined, space))
        const { scan, isWhole } = scanned(body)
        assert.equal(isWhole, true)
        const { request: found, texts } = scan.parse()
        const expected = parseShort(body, plan, 0)
        assert.deepEqual(found, expected.request)
        assert.equal(texts?.text(), expected.texts?.text())
      }),
      { numRuns: 300 },
    )
  })

  it('keeps the long integers of every place', () => {
    for (const text of ['{"seed":12345678901234567890}', '{"tools":[{"a":[-12345678901234567890]}]}']) {
      assert.equal(JSON.stringify(scanned(Buffer.from(text)).scan.parse().request), text)
    }
  })

  it('has the same limits', () => {
    const deep = (levels: number) => Buffer.from(`{"a":${'['.repeat(levels)}${']'.repeat(levels)}}`)
    assert.equal(scanned(deep(399)).isWhole, true)
    refuses(() => scanned(deep(400)), /400 levels/)
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
