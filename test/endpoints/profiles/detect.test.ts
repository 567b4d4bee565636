import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { simulatorKinds } from '../../../simulator/model.ts'
import { createUpstreamFetch } from '../../../src/endpoints/connections/fetch.ts'
import { UpstreamPools } from '../../../src/endpoints/connections/pools.ts'
import { detectProfile } from '../../../src/endpoints/profiles/detect.ts'
import { ProfileStore } from '../../../src/endpoints/profiles/profile-store.ts'
import { systemClock } from '../../../src/kernel/clock.ts'
import { profilesFolder } from '../../../src/kernel/package.ts'
import { withSimulator } from '../../support/simulator.ts'

describe('detectProfile', () => {
  const profiles = new ProfileStore({ builtIn: profilesFolder }).all()

  for (const kind of simulatorKinds) {
    it(`detects a ${kind} server, requesting each path once`, async (t) => {
      const simulator = await withSimulator(t, { kind })
      const pools = new UpstreamPools(systemClock)
      t.after(() => pools.close())
      const fetch = createUpstreamFetch(pools)
      const asked: string[] = []
      const { profile } = await detectProfile(profiles, async (path) => {
        asked.push(path)
        return fetch({
          url: `${simulator.url}${path}`,
          headers: [],
          timeoutMs: 2000,
          maxBytes: 1e6,
        })
      })
      assert.equal(profile?.name, kind)
      assert.equal(new Set(asked).size, asked.length)
      assert.equal(simulator.control.counters().generationsStarted, 0)
    })
  }

  it('detects nothing if the server answers nothing', async () => {
    assert.deepEqual(await detectProfile(profiles, async () => answer(404)), {
      profile: undefined,
      wantsCredentials: false,
    })
  })
})

describe('detectProfile with servers that are not ready', () => {
  const profiles = new ProfileStore({ builtIn: profilesFolder }).all()
  for (const [title, headers, statusCode, expected] of [
    ['llama.cpp while it loads its model', { server: 'llama.cpp' }, 503, 'llamacpp'],
    ['llama.cpp with an API key', { server: 'llama.cpp' }, 401, 'llamacpp'],
    ['LiteLLM with a master key', { 'x-litellm-version': '1.80.0' }, 401, 'litellm'],
    ['an unknown server with a key', { server: 'uvicorn' }, 401, undefined],
    ['an unknown server that is busy', {}, 503, undefined],
  ] as const) {
    it(`detects ${expected ?? 'nothing'} from ${title}`, async () => {
      const found = await detectProfile(profiles, async () => answer(statusCode, headers))
      assert.equal(found.profile?.name, expected)
      assert.equal(found.wantsCredentials, statusCode === 401)
    })
  }

  it('ignores the body of an error', async () => {
    const found = await detectProfile(profiles, async () => answer(500, {}, '{"data":[],"version":"1"}'))
    assert.equal(found.profile, undefined)
  })

  it('fails if the server is unreachable', async () => {
    let asked = 0
    const found = detectProfile(profiles, async () => {
      asked++
      throw new Error('refused')
    })
    await assert.rejects(found, /refused/)
    assert.equal(asked, 1)
  })
})

function answer(statusCode: number, headers: Readonly<Record<string, string>> = {}, body = '') {
  return { statusCode, header: (name: string) => headers[name], body: Buffer.from(body), durationMs: 1 }
}
