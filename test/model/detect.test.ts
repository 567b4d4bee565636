import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { simulatorKinds } from '../../simulator/model.ts'
import { systemClock } from '../../src/clock.ts'
import { detectProfile } from '../../src/model/detect.ts'
import { ProfileStore } from '../../src/model/profile-store.ts'
import { profilesFolder } from '../../src/package.ts'
import { createUpstreamFetch } from '../../src/upstream/fetch.ts'
import { UpstreamPools } from '../../src/upstream/pools.ts'
import { withSimulator } from '../support/simulator.ts'

describe('detectProfile', () => {
  const profiles = new ProfileStore({ builtIn: profilesFolder }).all()

  for (const kind of simulatorKinds) {
    it(`recognises a ${kind} server, asking each path once`, async (t) => {
      const simulator = await withSimulator(t, { kind })
      const pools = new UpstreamPools(systemClock)
      t.after(() => pools.close())
      const fetch = createUpstreamFetch(pools)
      const asked: string[] = []
      const profile = await detectProfile(profiles, async (path) => {
        asked.push(path)
        const answer = await fetch({
          url: `${simulator.url}${path}`,
          headers: [],
          timeoutMs: 2000,
          maxBytes: 1e6,
        })
        return answer.statusCode === 200 ? answer : undefined
      })
      assert.equal(profile?.name, kind)
      assert.equal(new Set(asked).size, asked.length)
      assert.equal(simulator.control.counters().generationsStarted, 0)
    })
  }

  it('knows nothing of a server that answers nothing', async () => {
    assert.equal(await detectProfile(profiles, async () => undefined), undefined)
  })
})
