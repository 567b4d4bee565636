import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startBusyEndpoint } from '../support/busy-endpoint.ts'
import { adminOf, bearer, callersSecret, storeFile } from '../support/callers.ts'
import { postChat, type RunningGateway } from '../support/gateway.ts'
import { startRedis, whyNoRedis } from '../support/redis.ts'
import { startReplicas } from '../support/replicas.ts'
import { eventually } from '../support/simulator.ts'

const skip = whyNoRedis ?? false

async function sessionsOf({ url }: RunningGateway): Promise<number> {
  const response = await fetch(`${url}/internal/stats/sticky`)
  return ((await response.json()) as { active_sessions: number }).active_sessions
}

describe('replicas with a shared server', { skip }, async () => {
  const redis = skip === false ? await startRedis() : undefined
  if (redis === undefined) return

  it('keep a conversation on its endpoint, whichever of them it reaches', async (t) => {
    const endpoints = await Promise.all([0, 1, 2, 3].map(() => startBusyEndpoint(t, 1)))
    const replicas = await startReplicas(
      t,
      redis,
      endpoints.map(({ url }) => ({ url })),
      { sections: { proxy: { load_balancer: 'round-robin', sticky_sessions: { enabled: true } } } },
    )
    const ask = async (replica: RunningGateway | undefined, session: string) => {
      const headers = { 'content-type': 'application/json', 'x-olla-session-id': session }
      const response = await postChat(replica?.url ?? '', {}, { headers })
      await response.text()
      return response.headers.get('x-olla-endpoint')
    }
    for (let session = 0; session < 8; session++) {
      const name = `session ${session}`
      const first = await ask(replicas[session % 3], name)
      // The others learn it some milliseconds after the answer.
      for (const replica of replicas)
        await eventually(async () => (await sessionsOf(replica)) === session + 1)
      for (const replica of replicas) assert.equal(await ask(replica, name), first)
    }
  })

  it('refuse a key at once that another one has revoked', async (t) => {
    const endpoint = await startBusyEndpoint(t, 1)
    const replicas = await startReplicas(t, redis, [{ url: endpoint.url }], {
      // The store is read so rarely that only the message can tell.
      sections: { callers: { secret: callersSecret, store: await storeFile(), refresh_interval: '10m' } },
    })
    const [first, ...others] = replicas
    const admin = adminOf(first?.url ?? '')
    const { status, body } = await admin('POST', '/keys', { name: 'ci' })
    assert.equal(status, 201)
    const ask = async (replica: RunningGateway) => {
      const response = await postChat(replica.url, {}, { headers: bearer(String(body.key)) })
      await response.text()
      return response.status
    }
    for (const other of others) await eventually(async () => (await ask(other)) === 200)
    assert.equal((await admin('DELETE', '/keys/ci')).status, 200)
    for (const other of others) await eventually(async () => (await ask(other)) === 401)
  })
})
