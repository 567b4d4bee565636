import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import OpenAI from 'openai'
import { startBusyEndpoint } from '../support/busy-endpoint.ts'
import { bearer, callersSecret, configuredKey } from '../support/callers.ts'
import { postChat } from '../support/gateway.ts'
import { redisPrograms, startRedis } from '../support/redis.ts'
import { clusterOf, startReplicas } from '../support/replicas.ts'
import { withSimulator } from '../support/simulator.ts'

// All other tests of replicas use the first one.
const others = redisPrograms.slice(1)
const skip = others.length === 0 && 'no second server is installed (npm run test:real:install brings Valkey)'

it('there is another server than Redis', { skip }, () => assert.ok(others.length > 0))

for (const program of others) {
  describe(`replicas with ${program.name}`, async () => {
    const redis = await startRedis([], program)

    it('share places and limits exactly, also when its scripts are flushed', async (t) => {
      const endpoint = await startBusyEndpoint(t, 5)
      const { key, entry } = configuredKey('ci', { limits: { requests_per_minute: 40 } })
      const replicas = await startReplicas(t, redis, [{ url: endpoint.url, max_concurrent: 5 }], {
        sections: { callers: { secret: callersSecret, keys: [entry] } },
      })
      const ask = async (index: number) => {
        const response = await postChat(replicas[index % 3]?.url ?? '', {}, { headers: bearer(key) })
        await response.text()
        return response.status
      }
      const first = await Promise.all(Array.from({ length: 30 }, (_, index) => ask(index)))
      await redis.command('SCRIPT', 'FLUSH')
      const second = await Promise.all(Array.from({ length: 30 }, (_, index) => ask(index)))
      const served = [...first, ...second].filter((status) => status === 200)
      assert.equal(served.length, 40)
      assert.equal([...first, ...second].filter((status) => status === 429).length, 20)
      assert.equal(endpoint.seen.max, 5)
      for (const replica of replicas) assert.equal((await clusterOf(replica)).state, 'joined')
    })

    it('continue stored responses through any of them', async (t) => {
      const { url } = await withSimulator(t, { kind: 'lmdeploy', models: ['m'] })
      const replicas = await startReplicas(t, redis, [{ url, type: 'lmdeploy' }])
      const [one, two, three] = replicas.map(
        (replica) => new OpenAI({ baseURL: `${replica.url}/v1`, apiKey: 'any', maxRetries: 0 }),
      )
      assert.ok(one !== undefined && two !== undefined && three !== undefined)
      const first = await one.responses.create({ model: 'm', input: 'one' })
      const second = await two.responses.create({
        model: 'm',
        input: 'two',
        previous_response_id: first.id,
      })
      assert.equal((await three.responses.inputItems.list(second.id)).data.length, 3)
      await three.responses.delete(first.id)
      await assert.rejects(two.responses.retrieve(first.id), OpenAI.NotFoundError)
    })
  })
}
