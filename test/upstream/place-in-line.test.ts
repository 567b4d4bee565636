import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { answerWith, createExchanges } from '../support/exchange.ts'

describe('a request whose endpoint is full', () => {
  it('takes a place that another thread gave back just before it stood in the line', async (t) => {
    const { services, cells, sent, begin } = createExchanges(t, [{ maxConcurrent: 1 }])
    const { queue } = services
    assert.ok(cells.inFlight.acquire(0, 1))
    const enter = queue.enter.bind(queue)
    queue.enter = (waiter) => {
      // Nobody waits yet, so this tells nobody.
      cells.inFlight.release(0)
      return enter(waiter)
    }
    const { exchange } = await begin()
    assert.equal(exchange.phase, 'waiting')
    assert.equal(sent.length, 1)
    assert.equal(queue.waiting, 0)
  })

  it('waits for the next place, and goes on when it comes', async (t) => {
    const { services, cells, sent, begin } = createExchanges(t, [{ maxConcurrent: 1 }])
    assert.ok(cells.inFlight.acquire(0, 1))
    const { exchange, answer } = await begin()
    assert.equal(exchange.phase, 'queued')
    assert.equal(services.queue.waiting, 1)
    cells.inFlight.release(0)
    services.queue.released(0)
    const [first] = sent
    assert.ok(first !== undefined)
    answerWith(first, 200, ['Content-Type', 'text/plain', 'Content-Length', '2'], 'ok')
    assert.equal(await (await answer).text(), 'ok')
    assert.equal(services.queue.waiting, 0)
    assert.equal(cells.inFlight.value(0), 0)
  })

  it('waits for as long as the endpoint has asked for, and goes on then', async (t) => {
    const { services, clock, cells, sent, begin } = createExchanges(t, [{ maxConcurrent: 2 }])
    const patient = { ...services, options: { ...services.options, queueWaitMs: 10_000 } }
    const exchanges = []
    for (let each = 0; each < 5; each++) exchanges.push((await begin({}, patient)).exchange)
    for (const { attempt } of sent.splice(0)) {
      attempt.onHeaders(503, ['Retry-After', '2'], () => {})
      attempt.onComplete()
    }
    await clock.advance(1_900)
    assert.deepEqual(
      exchanges.map(({ phase }) => phase),
      ['over', 'over', 'queued', 'queued', 'queued'],
    )
    await clock.advance(200)
    assert.equal(sent.length, 2)
    assert.deepEqual(
      exchanges.map(({ phase }) => phase),
      ['over', 'over', 'waiting', 'waiting', 'queued'],
    )
    for (const each of sent.splice(0)) answerWith(each, 200, ['Content-Length', '2'], 'ok')
    assert.equal(sent.length, 1)
    for (const each of sent.splice(0)) answerWith(each, 200, ['Content-Length', '2'], 'ok')
    assert.equal(services.queue.waiting, 0)
    assert.equal(cells.inFlight.value(0), 0)
  })
})
