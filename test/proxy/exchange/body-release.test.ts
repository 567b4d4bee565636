import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { GrowingBody } from '../../../src/kernel/memory/growing-body.ts'
import type { ExchangeRequest } from '../../../src/proxy/contract/exchange-request.ts'
import { budgetOf } from '../../support/buffer-budget.ts'
import { answerWith, createExchanges } from '../../support/exchange.ts'

/** A request, and whether the memory of its body is free. */
async function begin(t: TestContext, endpoints = 1, request: Partial<ExchangeRequest> = {}) {
  const fleet = createExchanges(
    t,
    Array.from({ length: endpoints }, () => ({})),
  )
  const { context, answer } = await fleet.begin(request)
  const budget = budgetOf(0)
  const body = new GrowingBody(budget, 4, 4, () => assert.fail())
  body.push(Buffer.from('body'))
  context.heldBody = body
  const attempt = (at: number) => {
    const sent = fleet.sent[at]
    assert.ok(sent !== undefined)
    return sent
  }
  return { attempt, answer, released: () => body.take().length === 0 && budget.heldBytes === 0 }
}

const stream = ['Content-Type', 'text/event-stream']

describe('the request body', () => {
  it('is released when an answer starts, not before', async (t) => {
    const { attempt, released } = await begin(t)
    const { attempt: first } = attempt(0)
    first.onBodyWritten()
    first.onHeaders(200, stream, () => {})
    assert.equal(released(), false)
    first.onData(Buffer.from('data: 1\n\n'))
    assert.equal(released(), true)
  })

  it('is kept while it is still being written, even after the answer has started', async (t) => {
    const { attempt, released } = await begin(t)
    const { attempt: first } = attempt(0)
    first.onHeaders(200, stream, () => {})
    first.onData(Buffer.from('data: 1\n\n'))
    assert.equal(released(), false)
    first.onBodyWritten()
    assert.equal(released(), true)
  })

  it('is kept for the next endpoint', async (t) => {
    const { attempt, answer, released } = await begin(t, 2)
    const refused = attempt(0)
    refused.attempt.onBodyWritten()
    answerWith(refused, 503, ['Content-Type', 'application/json'], '{}')
    await Promise.resolve()
    assert.equal(released(), false)
    answerWith(attempt(1), 200, ['Content-Type', 'text/plain', 'Content-Length', '2'], 'ok')
    assert.equal(released(), true)
    assert.equal(await (await answer).text(), 'ok')
  })

  it('is freed with it if it was made for the attempt and is large', async (t) => {
    const body = Buffer.allocUnsafeSlow(20_000)
    const { attempt } = await begin(t, 1, { variant: () => ({ path: '/', query: '', body }) })
    const { attempt: first, request } = attempt(0)
    assert.equal(request.body, body)
    first.onBodyWritten()
    first.onHeaders(200, stream, () => {})
    assert.equal(body.length, 20_000)
    first.onData(Buffer.from('data: 1\n\n'))
    assert.equal(body.length, 0)
  })
})
