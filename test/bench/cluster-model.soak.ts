import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ModelFigures, simulateFleet } from '../../bench/cluster-model/simulate.ts'

/** Bounds of what replicas share soon, for each seed. */
function check({ overrun, deaths, deathMs, probes, unprobedMs, freedMs, leftMs, split }: ModelFigures): void {
  assert.equal(overrun.joined, 0, 'max_concurrent is exact while all are connected')
  assert.equal(deathMs.length, deaths)
  assert.ok(Math.max(...deathMs) <= 100, `${Math.max(...deathMs)} ms until all know a death`)
  assert.ok(probes.most <= 2, `${probes.most} probes of an endpoint in an interval`)
  assert.equal(probes.missed, 0)
  // An interval since the last probe of the dead one, and the time until the others know of its death.
  assert.ok(unprobedMs <= 5_000 + 2_000, `${unprobedMs} ms without a probe`)
  assert.ok(freedMs <= 2_000 && leftMs <= 2_000, `${freedMs}, ${leftMs} ms`)
  assert.ok(split.withinMs <= 100, `a turn ${split.withinMs} ms after the answer went elsewhere`)
}

describe('a fleet in virtual time', () => {
  for (const seed of [1, 2])
    it(`keeps its bounds (seed ${seed})`, async () => {
      check(await simulateFleet({ seed, replicas: 6, endpoints: 20, clients: 800 }))
    })

  for (const maxConcurrent of [1, 2])
    it(`keeps max_concurrent ${maxConcurrent} with more members than places`, async () => {
      const { overrun, requests } = await simulateFleet({
        ...{ seed: 5, replicas: 6, endpoints: 6, clients: 60, maxConcurrent },
      })
      assert.equal(overrun.joined, 0)
      // Each replica that is cut off has one place at least.
      assert.ok(overrun.partitioned <= 2 && overrun.after <= 2, JSON.stringify(overrun))
      assert.ok(requests > 300, `${requests} requests`)
    })

  it('keeps them with slow lines that are cut often', async () => {
    const delayMs = [1, 2] as const
    check(await simulateFleet({ seed: 3, replicas: 5, endpoints: 20, clients: 500, cutShare: 0.01, delayMs }))
  })
})
