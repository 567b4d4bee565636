import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { Endpoint } from '../../../src/endpoints/registry/endpoint.ts'
import type { RoutingOutcome, Tier } from '../../../src/routing/models/routing.ts'
import { answerWith, createExchanges, routed } from '../../support/exchange.ts'

/** Requests over tiers of `endpoint:model`; `sent` lists where each attempt went. */
function createTiered(
  t: TestContext,
  settings: readonly Partial<Endpoint>[],
  tiers: readonly {
    of: readonly (readonly [slot: number, model: string])[]
    spills?: boolean
    says?: string
  }[],
) {
  const parts = createExchanges(t, settings)
  const built = tiers.map(({ of, spills = false, says }): Tier => {
    const candidates = of.map(([slot, nativeModel]) => {
      const candidate = parts.candidates[slot]
      assert.ok(candidate)
      return { ...routed(candidate.endpoint), nativeModel, sentModel: nativeModel }
    })
    const route = { strategy: 'alias', decision: 'routed', reason: says ?? '' } as const
    return { candidates, spillsWhenFull: spills, route: says === undefined ? undefined : route }
  })
  const routing: RoutingOutcome = {
    tiers: built,
    candidates: built.flatMap(({ candidates }) => candidates),
    strategy: 'strict',
    decision: 'routed',
    reason: 'first',
    status: 200,
    knowledge: 'found',
  }
  const places = () =>
    parts.sent.map(({ attempt: { target } }) => `${target.endpoint.slot}:${target.nativeModel}`)
  return { ...parts, places, start: () => parts.begin({ routing }) }
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

describe('a request with tiers', () => {
  it('tries every candidate of a tier before the next tier, and the same endpoint with each model', async (t) => {
    const { places, sent, start } = createTiered(
      t,
      [{}, {}],
      [
        {
          of: [
            [0, 'glm'],
            [1, 'glm'],
          ],
        },
        { of: [[0, 'kimi']], says: 'second' },
      ],
    )
    const { context, answer } = await start()
    for (let attempt = 0; attempt < 2; attempt++) {
      const last = sent.at(-1)
      assert.ok(last)
      answerWith(last, 503, [])
      await settled()
    }
    assert.deepEqual(places().slice(0, 2).sort(), ['0:glm', '1:glm'])
    assert.equal(places()[2], '0:kimi')
    const last = sent.at(-1)
    assert.ok(last)
    answerWith(last, 200, ['Content-Type', 'text/plain', 'Content-Length', '2'], 'ok')
    assert.equal(await (await answer).text(), 'ok')
    assert.equal(context.routingReason, 'second')
  })

  it('skips a tier whose endpoints cannot accept it now', async (t) => {
    const { places, registry, start } = createTiered(t, [{}, {}], [{ of: [[0, 'a']] }, { of: [[1, 'b']] }])
    registry.setStatus(0, 'offline', '')
    await start()
    assert.deepEqual(places(), ['1:b'])
  })

  for (const spills of [true, false]) {
    it(`${spills ? 'leaves' : 'waits for'} a full tier that ${spills ? 'spills' : 'does not spill'}`, async (t) => {
      const { places, cells, start } = createTiered(
        t,
        [{ maxConcurrent: 1 }, {}],
        [{ of: [[0, 'a']], spills }, { of: [[1, 'a']] }],
      )
      assert.ok(cells.inFlight.acquire(0, 1))
      const { exchange } = await start()
      assert.deepEqual(places(), spills ? ['1:a'] : [])
      assert.equal(exchange.phase, spills ? 'waiting' : 'queued')
    })
  }
})
