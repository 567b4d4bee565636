import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { anthropic } from '../../../src/dialects/anthropic/index.ts'
import { Heartbeat } from '../../../src/proxy/answer/heartbeat.ts'
import type { KeepAlive } from '../../../src/proxy/contract/exchange-request.ts'
import { createExchanges, type SentAttempt } from '../../support/exchange.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { readUntilCut } from '../../support/read-until-cut.ts'

describe('Heartbeat', () => {
  it('beats after each interval of silence, not before, and never once stopped', async () => {
    const clock = new FakeClock()
    let beats = 0
    const heartbeat = new Heartbeat(clock, 1000, () => beats++)
    await clock.advance(600)
    heartbeat.touch()
    await clock.advance(600)
    assert.equal(beats, 0)
    await clock.advance(400)
    assert.equal(beats, 1)
    await clock.advance(2000)
    assert.equal(beats, 3)
    heartbeat.stop()
    await clock.advance(5000)
    assert.equal(beats, 3)
    assert.equal(clock.armed, 0)
  })
})

const keepAlive: KeepAlive = {
  intervalMs: 1000,
  event: Buffer.from('event: ping\n\n'),
  headers: ['Content-Type', 'text/event-stream'],
}
const sseHead = ['Content-Type', 'text/event-stream', 'X-Mine', '1']

const headers = (sent: SentAttempt | undefined, status = 200, head = sseHead) =>
  sent?.attempt.onHeaders(status, head, () => {})
const data = (sent: SentAttempt | undefined, text: string) => sent?.attempt.onData(Buffer.from(text))

describe('a request with heartbeats', () => {
  it('sends beats during silence, between events and never within one', async (t) => {
    const { begin, sent, clock } = createExchanges(t, [{}])
    const { answer } = await begin({ keepAlive })
    await clock.advance(500)
    headers(sent[0])
    data(sent[0], 'data: 1\n\n')
    await clock.advance(1000)
    data(sent[0], 'data: 2')
    await clock.advance(1000)
    data(sent[0], '\n\n')
    sent[0]?.attempt.onComplete()
    await clock.advance(5000)
    const response = await answer
    assert.equal(await response.text(), 'data: 1\n\nevent: ping\n\ndata: 2\n\n')
    assert.equal(response.headers.get('x-mine'), '1')
  })

  it('starts its answer with the first beat, and can still try other endpoints', async (t) => {
    const { begin, sent, clock } = createExchanges(t, [{ name: 'a' }, { name: 'b' }])
    const { answer, context, failed } = await begin({ keepAlive })
    await clock.advance(1000)
    const response = await answer
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('content-type'), 'text/event-stream')
    sent[0]?.attempt.onError(Object.assign(new Error('reset'), { code: 'ECONNRESET' }))
    await clock.advance(1000)
    headers(sent[1])
    data(sent[1], 'data: 1\n\n')
    sent[1]?.attempt.onComplete()
    assert.equal(await response.text(), 'event: ping\n\nevent: ping\n\ndata: 1\n\n')
    assert.equal(context.endpoint, 'b')
    assert.equal(context.outcome, 'success')
    assert.equal(failed.length, 0)
  })

  it('reports a failure as an event once it has started', async (t) => {
    const { begin, sent, clock } = createExchanges(t, [{}])
    const { answer, context, failed } = await begin({ keepAlive })
    await clock.advance(1000)
    const response = await answer
    sent[0]?.attempt.onError(Object.assign(new Error('reset'), { code: 'ECONNRESET' }))
    const text = await readUntilCut(response)
    assert.match(text, /^event: ping\n\ndata: \{"error":\{"message":"No endpoint could answer/)
    assert.equal(context.outcome, 'failure')
    assert.equal(failed.length, 0)
  })

  it('reports a gathered error as an event once it has started', async (t) => {
    const { begin, sent, clock } = createExchanges(t, [{}])
    const gathered = {
      push: () => undefined,
      end: () => ({ statusCode: 400, headers: [], body: Buffer.from('{"type":"error"}') }),
    }
    const request = {
      keepAlive,
      variant: () => ({ path: '/x', query: '', body: null, answer: () => gathered }),
    }
    const { answer, context } = await begin(request, undefined, anthropic)
    await clock.advance(1000)
    const response = await answer
    headers(sent[0], 400, ['Content-Type', 'application/json'])
    data(sent[0], '{"error":"no"}')
    sent[0]?.attempt.onComplete()
    assert.equal(await readUntilCut(response), 'event: ping\n\nevent: error\ndata: {"type":"error"}\n\n')
    assert.equal(context.outcome, 'failure')
  })
})
