import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { Endpoint } from '../../../src/endpoints/registry/endpoint.ts'
import type { ExchangeServices } from '../../../src/proxy/exchange/exchange-services.ts'
import { answerWith, createExchanges } from '../../support/exchange.ts'

const ok = ['Content-Type', 'text/plain', 'Content-Length', '2']

function start(t: TestContext, settings: readonly Partial<Endpoint>[] = [{}]) {
  const created = createExchanges(t, settings)
  const { registry, sent, begin } = created
  const reports: string[] = []
  const services = {
    ...created.services,
    health: {
      report(slot, { kind }) {
        reports.push(kind)
        if (kind === 'answered') registry.setStatus(slot, 'healthy', '')
        if (kind === 'refused') registry.setStatus(slot, 'offline', 'a request was refused')
      },
    },
  } satisfies ExchangeServices
  const ask = () => begin({}, services)
  const next = () => sent.shift() ?? assert.fail('nothing was sent')
  const refuse = () => next().attempt.onError(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }))
  return { ...created, services, reports, ask, next, refuse }
}

describe('the last endpoint that could serve', () => {
  for (const status of ['unknown', 'unhealthy', 'offline', 'config_error', 'rate_limited'] as const) {
    it(`is tried although a probe reports ${status}, and recovers with its answer`, async (t) => {
      const { registry, reports, ask, next } = start(t)
      registry.setStatus(0, status, 'a probe')
      const { answer } = await ask()
      answerWith(next(), 200, ok, 'ok')
      assert.equal(await (await answer).text(), 'ok')
      assert.deepEqual([reports, registry.status(0)], [['answered'], 'healthy'])
    })
  }

  it('is not tried during a pause that it requested', async (t) => {
    const { services, registry, clock, sent, ask } = start(t)
    registry.setStatus(0, 'rate_limited', '')
    services.load.coolDowns.set({ endpoint: { slot: 0 } }, 500)
    const { exchange } = await ask()
    assert.deepEqual([sent.length, exchange.phase], [0, 'queued'])
    await clock.advance(700)
    assert.equal(sent.length, 1)
  })

  it('is not tried if another one can serve', async (t) => {
    const { registry, ask, next } = start(t, [{ priority: 2 }, { priority: 1 }])
    registry.setStatus(0, 'unhealthy', 'a probe')
    await ask()
    assert.equal(next().attempt.target.endpoint.slot, 1)
  })

  it('is tried despite its open circuit, at a bounded rate, and a good answer closes it', async (t) => {
    const { services, clock, sent, ask, next } = start(t)
    await clock.advance(1)
    services.breakers.get(0).trip('test')
    const exchanges = [await ask(), await ask(), await ask()].map(({ exchange }) => exchange)
    assert.deepEqual([sent.length, exchanges.map(({ phase }) => phase)], [1, ['waiting', 'queued', 'queued']])
    await clock.advance(50)
    assert.equal(sent.length, 2)
    answerWith(next(), 200, ok, 'ok')
    assert.equal(services.breakers.get(0).state, 'closed')
    services.queue.changed()
    assert.deepEqual([sent.length, services.queue.waiting], [2, 0])
  })
})

describe('a request whose only endpoint restarts', () => {
  it('waits, and continues as soon as a probe reaches the endpoint', async (t) => {
    const { services, registry, clock, ask, next, refuse } = start(t)
    const early = await ask()
    refuse()
    await clock.advance(0)
    assert.equal(early.exchange.phase, 'queued')
    await clock.advance(100)
    registry.setStatus(0, 'healthy', 'probe answered')
    services.queue.changed()
    answerWith(next(), 200, ok, 'ok')
    assert.equal(await (await early.answer).text(), 'ok')
    assert.equal(services.queue.waiting, 0)
  })

  it('retries by itself, and lists its attempts in the error when its time is over', async (t) => {
    const { clock, sent, ask, refuse } = start(t)
    const { failed, exchange } = await ask()
    let tries = 0
    for (let elapsedMs = 0; elapsedMs < 5_100; elapsedMs += 50) {
      while (sent.length > 0) {
        refuse()
        tries++
      }
      await clock.advance(50)
    }
    assert.equal(exchange.phase, 'over')
    assert.ok(tries >= 5 && tries <= 9, `${tries} tries`)
    assert.match(failed[0]?.message ?? '', /connection refused \(\d times\)/)
  })

  it('does not wait for an endpoint that has been down for long', async (t) => {
    const { registry, clock, ask, refuse } = start(t)
    registry.setStatus(0, 'offline', 'a request was refused')
    await clock.advance(60_001)
    const { failed } = await ask()
    refuse()
    await clock.advance(0)
    assert.equal(failed.length, 1)
  })
})
