import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { RequestVariant } from '../../../src/dialects/variants/request-variant.ts'
import { answerWith, createExchanges } from '../../support/exchange.ts'

const json = ['Content-Type', 'application/json']
const sse = ['Content-Type', 'text/event-stream']
const dead = '{"error":{"message":"EngineDeadError","type":"InternalServerError","code":500}}'
const good = '{"id":"c","choices":[{"message":{"content":"fine"}}]}'

async function failsOver(t: TestContext, headers: readonly string[], ...chunks: readonly string[]) {
  const exchanges = createExchanges(t, [{ name: 'a' }, { name: 'b' }])
  const { sent, begin } = exchanges
  const { answer, context } = await begin()
  answerWith(sent[0] ?? assert.fail(), 200, headers, ...chunks)
  await Promise.resolve()
  answerWith(sent[1] ?? assert.fail('b was not tried'), 200, json, good)
  const response = await answer
  assert.equal(await response.text(), good)
  assert.equal(response.headers.get('x-olla-endpoint'), 'b')
  assert.equal(context.outcome, 'success')
  return context.attempts.map(({ endpoint, reason }) => `${endpoint}: ${reason}`)
}

describe('a successful status without a valid answer', () => {
  for (const [name, headers, chunks, reason] of [
    ['an error', json, [dead], 'error 500: EngineDeadError'],
    ['an error in two chunks', json, ['{"err', 'or":{"message":"no"}}'], 'an error: no'],
    [
      'an error as the first event',
      sse,
      [`data: ${dead}\n\n`, 'data: [DONE]\n\n'],
      'error 500: EngineDeadError',
    ],
    ['a web page', ['Content-Type', 'text/html'], ['<html>'], 'a web page'],
    ['nothing', json, [], 'empty'],
    ['a stream without events', sse, [': ping\n\n'], 'empty'],
  ] as const) {
    it(`fails over from ${name}`, async (t) => {
      assert.deepEqual(await failsOver(t, headers, ...chunks), [`a: not a valid answer: ${reason}`])
    })
  }

  it('is reported with the status and message of the error if no other endpoint does better', async (t) => {
    for (const [headers, body, status] of [
      [json, dead, 500],
      [sse, `data: ${dead}\n\ndata: [DONE]\n\n`, 500],
      [json, '{"error":"runner stopped"}', 502],
      [json, '{"object":"error","message":"overloaded","code":503}', 503],
    ] as const) {
      const { sent, begin } = createExchanges(t, [{ name: 'a' }])
      const { answer, context } = await begin()
      answerWith(sent[0] ?? assert.fail(), 200, headers, body)
      const response = await answer
      assert.equal(response.status, status, body)
      assert.equal(response.headers.get('content-type'), 'application/json; charset=utf-8')
      const { error } = (await response.json()) as { error: { message: string; type: string } }
      assert.match(error.message, /EngineDeadError|runner stopped|overloaded/)
      assert.equal(context.outcome, 'failure')
    }
  })

  it('is reported as an error of the gateway if the endpoint gives no message', async (t) => {
    const { sent, begin } = createExchanges(t, [{ name: 'a' }])
    const { failed } = await begin()
    answerWith(sent[0] ?? assert.fail(), 200, ['Content-Type', 'text/html'], '<html>')
    assert.equal(failed[0]?.code, 'upstream_failed')
    assert.match(failed[0]?.message ?? '', /a: not a valid answer: a web page/)
  })

  it('is reported as the client’s error if it contains a 4xx status, without failover', async (t) => {
    for (const body of [
      '{"error":{"code":400,"message":"bad field"}}',
      '{"error":{"message":"This model\'s maximum context length is 4096 tokens. However, you requested 5000 tokens","code":500}}',
    ]) {
      const { sent, begin } = createExchanges(t, [{ name: 'a' }, { name: 'b' }])
      const { answer, context } = await begin()
      answerWith(sent[0] ?? assert.fail(), 200, json, body)
      const response = await answer
      assert.equal(response.status, 400)
      await response.text()
      assert.equal(sent.length, 1)
      assert.equal(context.outcome, 'rejection')
    }
  })

  it('fails over from a path that LM Studio does not have', async (t) => {
    const reasons = await failsOver(
      t,
      json,
      '{"error":"Unexpected endpoint or method. (POST /v1/chat/completions)"}',
    )
    assert.equal(reasons.length, 1)
  })

  it('is not detected if the operation is unknown or the answer is compressed', async (t) => {
    for (const [path, headers] of [
      ['/v1/audio/transcriptions', json],
      ['/v1/chat/completions', [...json, 'Content-Encoding', 'gzip']],
    ] as const) {
      const { sent, begin } = createExchanges(t, [{ name: 'a' }, { name: 'b' }])
      const { context } = await begin({ path })
      answerWith(sent[0] ?? assert.fail(), 200, headers, dead)
      assert.equal(context.outcome, 'success')
      assert.equal(sent.length, 1)
    }
  })
})

describe('a request form that the endpoint rejects', () => {
  const other: RequestVariant = { path: '/other', query: '', body: Buffer.from('other') }
  const refusing = (when: (status: number, body: string) => boolean): (() => RequestVariant) => {
    return () => ({
      path: '/v1/chat/completions',
      query: '',
      body: Buffer.from('first'),
      onRefusal: ({ statusCode }, body) => (when(statusCode, body.toString()) ? other : undefined),
    })
  }

  it('is sent in another form to the same endpoint, once, on the same slot', async (t) => {
    for (const [status, body] of [
      [400, '{"error":"stream_options"}'],
      [200, '{"error":"stream_options"}'],
      [404, ''],
    ] as const) {
      const { sent, begin, cells } = createExchanges(t, [{ name: 'a' }, { name: 'b' }])
      const { answer, context } = await begin({ variant: refusing(() => true) })
      answerWith(sent[0] ?? assert.fail(), status, json, body)
      await Promise.resolve()
      assert.equal(cells.inFlight.value(0), 1)
      const second = sent[1] ?? assert.fail('not repeated')
      assert.equal(second.attempt.target.endpoint.name, 'a')
      assert.equal(second.request.body?.toString(), 'other')
      answerWith(second, 200, json, good)
      const response = await answer
      assert.equal(await response.text(), good)
      assert.equal(response.headers.get('x-olla-attempts'), null)
      assert.deepEqual(context.attempts, [])
      assert.equal(cells.inFlight.value(0), 0)
    }
  })

  it('gets the answer to the other form', async (t) => {
    const { sent, begin } = createExchanges(t, [{ name: 'a' }])
    const { answer } = await begin({ variant: refusing(() => true) })
    answerWith(sent[0] ?? assert.fail(), 400, json, '{"error":{"message":"first"}}')
    await Promise.resolve()
    answerWith(sent[1] ?? assert.fail(), 400, json, '{"error":{"message":"second"}}')
    assert.equal(await (await answer).text(), '{"error":{"message":"second"}}')
    assert.equal(sent.length, 2)
  })

  it('is not repeated if the rejection has another cause', async (t) => {
    const { sent, begin } = createExchanges(t, [{ name: 'a' }])
    const { answer } = await begin({ variant: refusing((_status, body) => body.includes('form')) })
    answerWith(sent[0] ?? assert.fail(), 400, json, '{"error":', '{"message":"too long"}}')
    assert.equal(await (await answer).text(), '{"error":{"message":"too long"}}')
    assert.equal(sent.length, 1)
  })
})
