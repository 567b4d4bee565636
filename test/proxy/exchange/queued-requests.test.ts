import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { Endpoint } from '../../../src/endpoints/registry/endpoint.ts'
import type { AttemptEstimates, Standing } from '../../../src/proxy/exchange/attempt-estimates.ts'
import type { ExchangeServices } from '../../../src/proxy/exchange/exchange-services.ts'
import { WaitingLine } from '../../../src/routing/line/waiting-line.ts'
import type { RoutedEndpoint } from '../../../src/routing/models/routing.ts'
import { answerWith, createExchanges } from '../../support/exchange.ts'
import { lineOptions, ownQueue } from '../../support/queue.ts'

describe('a request whose endpoint is at capacity', () => {
  it('takes a slot that another thread released just before it queued', async (t) => {
    const { services, cells, sent, begin } = createExchanges(t, [{ maxConcurrent: 1 }])
    const { queue } = services
    assert.ok(cells.inFlight.acquire(0, 1))
    const enter = queue.enter.bind(queue)
    queue.enter = (waiter) => {
      // No request waits yet, so none is woken.
      cells.inFlight.release(0)
      return enter(waiter)
    }
    const { exchange } = await begin()
    assert.equal(exchange.phase, 'waiting')
    assert.equal(sent.length, 1)
    assert.equal(queue.waiting, 0)
  })

  it('waits for the next free slot, and continues', async (t) => {
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

  it('waits as long as the endpoint requested, and continues', async (t) => {
    const { services, clock, cells, sent, begin } = createExchanges(t, [{ maxConcurrent: 2 }])
    const patient = {
      ...services,
      options: { ...services.options, queue: { ...services.options.queue, maxWaitMs: 10_000 } },
    }
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

describe('a request that expects more of a full endpoint than of a free one', () => {
  async function start(t: TestContext, patienceMs: number | undefined) {
    const created = createExchanges(t, [
      { name: 'cold', maxConcurrent: 1 },
      { name: 'warm', maxConcurrent: 1, priority: 200 },
    ])
    const { services, cells, begin } = created
    assert.ok(cells.inFlight.acquire(1, 1))
    const asked: string[][] = []
    const nothing = () => {}
    const estimates = {
      featuresOf: () => undefined,
      patienceMs(
        _request: unknown,
        free: RoutedEndpoint,
        full: readonly RoutedEndpoint[],
        standing: Standing,
      ) {
        asked.push([free, ...full].map(({ endpoint }) => endpoint.name))
        const leftMs = (patienceMs ?? 0) - standing.waitedMs()
        return leftMs > 0 ? leftMs : undefined
      },
      begins: nothing,
      answered: nothing,
      ended: nothing,
      settled: nothing,
    }
    const { exchange } = await begin({}, { ...services, estimates: estimates as unknown as AttemptEstimates })
    return { ...created, exchange, asked }
  }

  it('waits for it', async (t) => {
    const { services, cells, sent, exchange, asked } = await start(t, 500)
    assert.deepEqual([exchange.phase, asked[0]], ['queued', ['cold', 'warm']])
    cells.inFlight.release(1)
    services.queue.released(1)
    assert.deepEqual(
      sent.map(({ attempt }) => attempt.target.endpoint.name),
      ['warm'],
    )
  })

  it('takes the free one after the time for which waiting is worthwhile', async (t) => {
    const { clock, services, sent, exchange } = await start(t, 500)
    await clock.advance(490)
    // A place at the free one does not change that.
    services.queue.released(0)
    assert.equal(exchange.phase, 'queued')
    await clock.advance(20)
    assert.equal(sent[0]?.attempt.target.endpoint.name, 'cold')
    assert.equal(services.queue.waiting, 0)
  })

  it('takes the free one if waiting is not worthwhile', async (t) => {
    const { sent } = await start(t, undefined)
    assert.equal(sent[0]?.attempt.target.endpoint.name, 'cold')
  })
})

describe('a request whose endpoints pause', () => {
  const ok = ['Content-Type', 'text/plain', 'Content-Length', '2']
  const asks = (seconds: number) => ['Content-Length', '0', 'Retry-After', String(seconds)]

  /** Endpoints for which a request waits up to ten seconds; by default one with one place. */
  async function start(t: TestContext, settings: readonly Partial<Endpoint>[] = [{ maxConcurrent: 1 }]) {
    const created = createExchanges(t, settings)
    const { registry, sent, begin } = created
    const services = {
      ...created.services,
      options: {
        ...created.services.options,
        queue: { ...created.services.options.queue, maxWaitMs: 10_000 },
        failoverStatuses: new Set([429, 503]),
      },
      health: {
        report: (slot, { kind }) =>
          registry.setStatus(
            slot,
            kind === 'rate_limited' ? kind : kind === 'answered' ? 'healthy' : 'offline',
            '',
          ),
      },
    } satisfies ExchangeServices
    const ask = () => begin({}, services)
    /** The next that was sent. */
    const next = () => sent.shift() ?? assert.fail('nothing was sent')
    return { ...created, services, ask, next }
  }

  for (const status of [429, 503]) {
    it(`keeps waiting until the endpoint is back, despite other queue checks: ${status}`, async (t) => {
      const { services, clock, sent, ask, next } = await start(t)
      const { queue } = services
      await ask()
      const waiting = [await ask(), await ask()]
      answerWith(next(), status, asks(2))
      queue.changed()
      const late = await ask()
      await clock.advance(1_900)
      queue.changed()
      const exchanges = [...waiting, late].map(({ exchange }) => exchange)
      assert.deepEqual(
        exchanges.map(({ phase }) => phase),
        ['queued', 'queued', 'queued'],
      )
      assert.equal(sent.length, 0)
      await clock.advance(200)
      for (const { answer, exchange } of [...waiting, late]) {
        assert.equal(exchange.phase, 'waiting')
        assert.equal(sent.length, 1)
        answerWith(next(), 200, ok, 'ok')
        assert.equal(await (await answer).text(), 'ok')
      }
      assert.equal(queue.waiting, 0)
    })

    it(`fails at once if the pause exceeds its maximum wait: ${status}`, async (t) => {
      const { services, clock, ask, next } = await start(t)
      await ask()
      const early = await ask()
      await clock.advance(4_000)
      const late = await ask()
      answerWith(next(), status, asks(8))
      // Six seconds are left of its ten.
      assert.equal(early.exchange.phase, 'over')
      assert.deepEqual(
        early.failed.map(({ code, retryAfterSeconds }) => [code, retryAfterSeconds]),
        [['model_unavailable', 8]],
      )
      assert.equal(late.exchange.phase, 'queued')
      assert.deepEqual(late.failed, [])
      assert.equal(services.queue.waiting, 1)
    })
  }

  it('fails at once if the pause is extended', async (t) => {
    const { ask, next } = await start(t, [{ maxConcurrent: 2 }])
    await ask()
    await ask()
    const { exchange, failed } = await ask()
    answerWith(next(), 503, asks(1))
    assert.equal(exchange.phase, 'queued')
    answerWith(next(), 503, asks(60))
    assert.deepEqual(
      failed.map(({ retryAfterSeconds }) => retryAfterSeconds),
      [60],
    )
  })

  it('is re-checked once if several answers request the same pause', async (t) => {
    const { services, clock, ask, next } = await start(t, [{ maxConcurrent: 3 }])
    const { queue } = services
    for (let each = 0; each < 4; each++) await ask()
    let looks = 0
    const paused = queue.paused.bind(queue)
    queue.paused = (slot) => {
      looks++
      paused(slot)
    }
    answerWith(next(), 503, asks(1))
    await clock.advance(5)
    answerWith(next(), 503, asks(1))
    assert.equal(looks, 1)
    answerWith(next(), 503, asks(2))
    assert.equal(looks, 2)
  })

  it('fails at once without a queue, or if the pause of an endpoint without a queue is too long', async (t) => {
    for (const [settings, maxWaiting, pauseMs] of [
      [{ maxConcurrent: 1 }, 0, 1_000],
      [{ maxConcurrent: 0 }, 10, 6_000],
    ] as const) {
      const { services, clock, load, begin } = await start(t, [settings])
      load.coolDowns.set({ endpoint: { slot: 0 } }, pauseMs)
      const { failed } = await begin(
        {},
        { ...services, queue: new WaitingLine(lineOptions({ maxWaiting }), ownQueue(clock)) },
      )
      assert.deepEqual(
        failed.map(({ code }) => code),
        ['model_unavailable'],
      )
    }
  })

  it('waits for a short pause of an endpoint without a concurrency limit', async (t) => {
    const { load, clock, sent, ask, services } = await start(t, [{ maxConcurrent: 0 }])
    load.coolDowns.set({ endpoint: { slot: 0 } }, 1_000)
    const { exchange } = await ask()
    assert.equal(exchange.phase, 'queued')
    await clock.advance(1_019)
    assert.equal(sent.length, 0)
    await clock.advance(1)
    assert.deepEqual([sent.length, exchange.phase, services.queue.waiting], [1, 'waiting', 0])
  })

  it('waits for the paused endpoint if the other one has failed permanently', async (t) => {
    const { load, clock, ask, next, services } = await start(t, [
      { name: 'dead', priority: 2 },
      { name: 'paused', priority: 1, maxConcurrent: 1 },
    ])
    load.coolDowns.set({ endpoint: { slot: 1 } }, 3_000)
    const { exchange, answer, context } = await ask()
    next().attempt.onError(Object.assign(new Error(), { code: 'ECONNREFUSED' }))
    await clock.advance(2_900)
    assert.equal(exchange.phase, 'queued')
    await clock.advance(100)
    services.queue.released(1)
    answerWith(next(), 200, ok, 'ok')
    assert.equal(await (await answer).text(), 'ok')
    assert.equal(context.endpoint, 'paused')
  })
})
