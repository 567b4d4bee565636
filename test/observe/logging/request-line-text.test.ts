import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { LineMembers, roundedText } from '../../../src/observe/logging/line-members.ts'
import { type LoggedRequest, requestLine } from '../../../src/observe/logging/request-line.ts'
import { createRequestLineWriter } from '../../../src/observe/logging/request-line-text.ts'
import type { RequestContext } from '../../../src/proxy/contract/context.ts'
import { requestContext } from '../../support/request-context.ts'
import { figures } from '../stats/fixtures.ts'

/** Few of each kind, so that values come again; some that JSON must escape. */
const text = fc.oneof(
  fc.constantFrom('POST', 'm', 'a "quoted" name', 'back\\slash', 'ümläut', '\ud800', 'line\nfeed', '😀'),
  fc.string({ unit: 'binary', maxLength: 200 }),
)
const number = fc.oneof(
  fc.constantFrom(0, -0, 0.004, 0.005, 1.005, 0.1, 99.999, 1e6, 2 ** 31, 1e21, -3, Number.NaN, Infinity),
  fc.double({ min: 0, max: 1e7, noNaN: true }),
  fc.nat(),
)
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })

const answer = fc
  .record({
    isCounted: fc.boolean(),
    firstTokenMs: maybe(number),
    cachedTokens: maybe(number),
    tokensPerSecond: maybe(number),
    interTokenMs: maybe(number),
    interTokenMaxMs: maybe(number),
    loadMs: maybe(number),
    promptMs: maybe(number),
  })
  .map((fields) => figures(fields))

const attempt = fc.record({
  endpoint: text,
  reason: text,
  startedMs: number,
  sentMs: maybe(number),
  statusCode: maybe(fc.nat()),
  durationMs: number,
})

const session: fc.Arbitrary<RequestContext['session']> = fc.constantFrom(
  {
    key: undefined,
    decision: {
      outcome: 'disabled',
      reason: 'no_key',
      target: undefined,
      match: undefined,
      earlier: undefined,
    },
  },
  {
    key: { source: 'session_header', key: 1, sessionId: 'a "b"', chain: undefined },
    decision: { outcome: 'hit', reason: 'bound', target: undefined, match: undefined, earlier: undefined },
  },
)

const context = fc
  .record({
    id: text,
    clientAddress: text,
    traceId: maybe(text),
    caller: maybe(text),
    status: maybe(fc.integer({ min: 100, max: 599 })),
    outcome: maybe(fc.constantFrom('success', 'rejection', 'failure', 'client_closed', 'cancelled')),
    model: maybe(text),
    endpoint: maybe(text),
    configVersion: maybe(fc.nat()),
    attemptCount: fc.nat(3),
    attempts: fc.array(attempt, { maxLength: 2 }),
    firstByteMs: maybe(number),
    attemptMs: maybe(number),
    queuedMs: maybe(number),
    overheadMs: maybe(number),
    requestBytes: number,
    responseBytes: number,
    promptTokens: maybe(number),
    completionTokens: maybe(number),
    answer: maybe(answer),
    session: maybe(session),
    routingStrategy: maybe(text),
    routingDecision: maybe(fc.constantFrom('routed', 'fallback', 'rejected')),
    routingReason: maybe(text),
    error: maybe(fc.constantFrom('model_not_found', 'internal')),
  })
  .map((fields) => requestContext(fields))

const request = fc.record({ method: text, url: text, userAgent: maybe(text) })

function createRequestLineText() {
  const write = createRequestLineWriter()
  return (...line: [RequestContext, LoggedRequest, number]): string => {
    const pieces: string[] = []
    write(
      {
        append: (json) => pieces.push(json),
        appendBytes: (json) => pieces.push(Buffer.from(json).toString()),
      },
      ...line,
    )
    return pieces.join('')
  }
}

describe('the text of a request line', () => {
  it('equals that of its record', () => {
    const requestLineText = createRequestLineText()
    fc.assert(
      fc.property(context, request, number, (ended, told, durationMs) => {
        const members = requestLineText(ended, told, durationMs)
        assert.equal(`{${members}}`, JSON.stringify(requestLine(ended, told, durationMs)))
      }),
      { numRuns: 1_000 },
    )
  })

  it('contains no secret of a query', () => {
    const told = { method: 'GET', url: '/v1/models?api_key=hunter2&x=1', userAgent: undefined }
    assert.match(createRequestLineText()(requestContext(), told, 1), /api_key=\[redacted\]&x=1/)
  })
})

describe('members of a line', () => {
  it('stay correct for more values than are cached', () => {
    const members = new LineMembers<string | number>('key')
    const textOf = (value: string | number | undefined) => Buffer.from(members.of(value)).toString()
    for (let round = 0; round < 2; round++) {
      for (let count = 0; count < 600; count++) {
        assert.equal(textOf(`v"${count}`), `,"key":"v\\"${count}"`)
        assert.equal(textOf(count), `,"key":${count}`)
      }
      assert.equal(members.of('x'.repeat(10_000)).length, 10_009)
    }
    assert.equal(textOf(undefined), '')
  })
})

describe('a rounded number', () => {
  it('equals that in JSON', () => {
    fc.assert(
      fc.property(number, (value) => {
        assert.equal(roundedText(value), JSON.stringify(Math.round(value * 100) / 100))
      }),
      { numRuns: 2_000 },
    )
    for (let part = 0; part < 1_000; part++) {
      assert.equal(roundedText(part / 100), JSON.stringify(part / 100))
    }
  })
})
