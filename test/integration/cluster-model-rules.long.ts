/** Rules for models, applied by several replicas. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startRedis, whyNoRedis } from '../support/redis.ts'
import { startReplicas } from '../support/replicas.ts'
import { eventually, withSimulator } from '../support/simulator.ts'

const skip = whyNoRedis ?? false

describe('rules for models, with several replicas', { skip }, async () => {
  const redis = skip === false ? await startRedis() : undefined
  if (redis === undefined) return

  for (const probe of ['shared', 'each']) {
    it(`are applied by one replica (cluster.probe: ${probe})`, async (t) => {
      const desk = await withSimulator(t, {
        kind: 'lm-studio',
        name: 'desk',
        models: [{ name: 'a', loaded: false }],
        loadMs: 1_500,
      })
      const endpoints = [{ url: desk.url, name: 'desk', type: 'lm-studio' }]
      const models = { check_interval: '1s', keep_warm: [{ model: 'a' }] }
      const sections = { models }
      const replicas = await startReplicas(t, redis, endpoints, { cluster: { probe }, sections })
      await eventually(() => desk.control.models()[0]?.loaded === true)
      await eventually(async () => {
        const states = await Promise.all(
          replicas.map(async ({ url }) => {
            const response = await fetch(`${url}/internal/admin/operations`)
            const { rules } = (await response.json()) as { rules: { state: string }[] }
            return rules[0]?.state
          }),
        )
        return states.sort().join() === 'elsewhere,elsewhere,warm'
      })
      const loads = desk.control.requests().filter(({ path }) => path === '/api/v1/models/load')
      // A second load of LM Studio is a second copy.
      assert.equal(loads.length, 1)
    })
  }
})
