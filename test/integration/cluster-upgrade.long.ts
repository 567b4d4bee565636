/** An upgrade to a version that writes other keys, as processes under load. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { schemaVersion } from '../../src/cluster/scripts/keys.ts'
import { startBusyEndpoint } from '../support/busy-endpoint.ts'
import { bearer, callersSecret, configuredKey } from '../support/callers.ts'
import { postChat } from '../support/gateway.ts'
import { startRedis, whyNoRedis } from '../support/redis.ts'
import { type ReplicaProcess, startFleet } from '../support/replica-processes.ts'
import { clusterOf } from '../support/replicas.ts'
import { eventually } from '../support/simulator.ts'

const skip = whyNoRedis ?? false
const newSchema = schemaVersion + 1

describe('replicas of two schema versions', { skip }, async () => {
  const redis = skip === false ? await startRedis() : undefined
  if (redis === undefined) return

  it('share nothing, fail no request, and are one fleet when the last old one has left', async (t) => {
    const endpoint = await startBusyEndpoint(t, 2)
    const limited = configuredKey('limited', { limits: { requests_per_minute: 30 } })
    const any = configuredKey('any')
    const fleet = await startFleet(
      t,
      redis.url,
      {
        callers: { secret: callersSecret, keys: [limited.entry, any.entry] },
        discovery: {
          health: { slow_start: 0 },
          static: { endpoints: [{ url: endpoint.url, name: 'box', type: 'openai-compatible' }] },
        },
      },
      { count: 2, cluster: { timeout: '500ms', retry_interval: '100ms' } },
    )
    const send = async (replica: ReplicaProcess | undefined, key: string) => {
      const response = await postChat(replica?.url ?? '', {}, { headers: bearer(key) })
      await response.text()
      return response.status
    }
    const failed: number[] = []
    let answered = 0
    let isOver = false
    const load = Promise.all(
      [0, 1, 2, 3].map(async (client) => {
        while (!isOver) {
          const status = await send(fleet.replicas[(client + answered) % fleet.replicas.length], any.key)
          if (status !== 200) failed.push(status)
          answered++
        }
      }),
    )
    const more = async (count: number) => {
      const before = answered
      await eventually(() => answered >= before + count, { timeoutMs: 60_000 })
    }
    await more(50)
    const old = [...fleet.replicas]
    const upgraded: ReplicaProcess[] = []
    for (const leaving of old) {
      const added = await fleet.add(newSchema)
      upgraded.push(added)
      await eventually(async () => {
        const { state, reason } = await clusterOf(added)
        return state === 'away' && reason === `schema ${schemaVersion}`
      })
      await more(30)
      // Each version counts by itself: the old ones together, a new one within its share.
      assert.ok((await clusterOf(added)).inexact.length > 0)
      for (const each of old.filter((replica) => fleet.replicas.includes(replica)))
        assert.equal((await clusterOf(each)).state, 'joined')
      fleet.remove(leaving)
      assert.equal(await leaving.stop(), 0)
      await more(30)
    }
    await fleet.settle()
    for (const replica of upgraded) {
      const { state, members } = await clusterOf(replica)
      assert.equal(`${state} ${members.length}`, 'joined 2')
    }
    let passed = 0
    for (let turn = 0; turn < 60; turn++) if ((await send(upgraded[turn % 2], limited.key)) === 200) passed++
    assert.equal(passed, 30)
    isOver = true
    await load
    assert.deepEqual(failed, [])
    // One that is not upgraded is refused now, and serves.
    const late = await fleet.add(schemaVersion)
    await eventually(async () => (await clusterOf(late)).reason === `schema ${newSchema}`)
    assert.equal(await send(late, any.key), 200)
  })
})
