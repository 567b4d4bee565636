import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ModelFigures, simulateFleet } from '../../bench/cluster-model/simulate.ts'

/** Bounds of what replicas share soon, for each seed. */
function check({ overrun, deathMs, probes, unprobedMs, freedMs, leftMs, split }: ModelFigures): void {
  assert.equal(overrun.joined, 0, 'max_concurrent is exact while all are connected')
  assert.equal(deathMs.length, 20)
  assert.ok(Math.max(...deathMs) <= 100, `${Math.max(...deathMs)} ms until all know a death`)
  assert.ok(probes.most <= 2, `${probes.most} probes of an endpoint in an interval`)
  assert.equal(probes.missed, 0)
  // An interval, the time until the others know of the death, and that until their next turn.
  assert.ok(unprobedMs <= 2 * 5_000 + 2_000, `${unprobedMs} ms without a probe`)
  assert.ok(freedMs <= 2_000 && leftMs <= 2_000, `${freedMs}, ${leftMs} ms`)
  // A replica that has missed messages asks another one for them, which may be dead.
  assert.ok(split.withinMs <= 1_600, `a turn ${split.withinMs} ms after the answer went elsewhere`)
}

describe('a fleet in virtual time', () => {
  for (const seed of [1, 2])
    it(`keeps its bounds (seed ${seed})`, async () => {
      check(await simulateFleet({ seed, replicas: 6, endpoints: 20, clients: 800 }))
    })

  it('keeps them with slow lines that are cut often', async () => {
    const delayMs = [1, 2] as const
    check(await simulateFleet({ seed: 3, replicas: 5, endpoints: 20, clients: 500, cutShare: 0.01, delayMs }))
  })
})
