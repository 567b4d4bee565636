import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { Endpoint } from '../../../src/endpoints/registry/endpoint.ts'
import type { Caller } from '../../../src/proxy/contract/caller.ts'
import type { ExchangeServices } from '../../../src/proxy/exchange/exchange-services.ts'
import { WaitingLine } from '../../../src/routing/line/waiting-line.ts'
import { reservedShares, usablePlaces } from '../../../src/routing/selection/place-reserve.ts'
import { answerWith, createExchanges } from '../../support/exchange.ts'
import { lineOptions, ownQueue } from '../../support/queue.ts'

function callerOf(priority: Caller['priority']): Caller {
  return {
    keyId: priority,
    keyName: priority,
    owner: undefined,
    team: undefined,
    access: undefined,
    parameters: undefined,
    priority,
    weight: 1,
  }
}

describe('a request that leaves places to higher classes', () => {
  function start(t: TestContext, settings: readonly Partial<Endpoint>[]) {
    const created = createExchanges(t, settings)
    const { services, clock, cells, begin } = created
    const reservedPlaces = reservedShares({ high: 0.25, normal: 0.25 })
    const hasPlace = (slot: number, share: number) =>
      cells.inFlight.value(slot) < usablePlaces(settings[slot]?.maxConcurrent ?? 0, share)
    const over: ExchangeServices = {
      ...services,
      options: { ...services.options, reservedPlaces },
      queue: new WaitingLine(
        lineOptions({ maxWaiting: 10, reserved: reservedPlaces }),
        ownQueue(clock, { hasPlace }),
      ),
    }
    const ask = async (priority: Caller['priority']) => {
      const { exchange } = await begin({}, over, undefined, callerOf(priority))
      return exchange
    }
    return { ...created, ask }
  }

  it('waits although a place is free, while a higher one takes it', async (t) => {
    const { ask, sent } = start(t, [{ maxConcurrent: 4 }])
    const exchanges = []
    for (const priority of ['low', 'low', 'low', 'normal', 'normal', 'high'] as const)
      exchanges.push(await ask(priority))
    assert.deepEqual(
      exchanges.map(({ phase }) => phase),
      ['waiting', 'waiting', 'queued', 'waiting', 'queued', 'waiting'],
    )
    const [first] = sent.splice(0, 1)
    answerWith(first ?? assert.fail(), 200, ['Content-Length', '2'], 'ok')
    // Three are in use: the fourth is for the class high.
    assert.deepEqual([exchanges[2]?.phase, exchanges[4]?.phase], ['queued', 'queued'])
    const [second] = sent.splice(0, 1)
    answerWith(second ?? assert.fail(), 200, ['Content-Length', '2'], 'ok')
    assert.deepEqual([exchanges[2]?.phase, exchanges[4]?.phase], ['queued', 'waiting'])
  })

  it('goes to an endpoint with a place for it instead', async (t) => {
    const { ask, sent } = start(t, [
      { name: 'preferred', maxConcurrent: 2, priority: 200 },
      { name: 'other', maxConcurrent: 4 },
      { name: 'unlimited', priority: 50 },
    ])
    for (let each = 0; each < 4; each++) await ask('low')
    await ask('high')
    assert.deepEqual(
      sent.map(({ attempt }) => attempt.target.endpoint.name),
      ['preferred', 'other', 'other', 'unlimited', 'preferred'],
    )
  })

  it('serves every class at an endpoint with one place', async (t) => {
    const { ask } = start(t, [{ maxConcurrent: 1 }])
    assert.equal((await ask('low')).phase, 'waiting')
  })
})
