/** Replicas that come and go under load, as processes. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it, type TestContext } from 'node:test'
import { type BusyEndpoint, startBusyEndpoint } from '../support/busy-endpoint.ts'
import { bearer, callersSecret, configuredKey } from '../support/callers.ts'
import { postChat } from '../support/gateway.ts'
import { startRedis, whyNoRedis } from '../support/redis.ts'
import { type ReplicaFleet, type ReplicaProcess, startFleet } from '../support/replica-processes.ts'
import { clusterOf } from '../support/replicas.ts'
import { eventually } from '../support/simulator.ts'

const skip = whyNoRedis ?? false
/** Of the model that many want at a time. */
const places = 3
const keyLimit = 5

describe('replicas that come and go under load', { skip }, async () => {
  const redis = skip === false ? await startRedis() : undefined
  if (redis === undefined) return

  async function start(t: TestContext, threads = 1) {
    const boxes = await Promise.all([0, 1, 2, 3].map(() => startBusyEndpoint(t, 5)))
    const scarce = await startBusyEndpoint(t, 5, 'scarce')
    const plain = await startBusyEndpoint(t, 5, 'plain')
    const any = configuredKey('any')
    const limited = configuredKey('limited', { limits: { max_concurrent: keyLimit } })
    const fleet = await startFleet(
      t,
      redis?.url ?? '',
      {
        server: { threads },
        proxy: { load_balancer: 'round-robin', sticky_sessions: { enabled: true, load_bound: 0 } },
        callers: { secret: callersSecret, keys: [any.entry, limited.entry] },
        discovery: {
          health: { slow_start: 0 },
          signals: { interval: 0 },
          static: {
            endpoints: [...boxes, scarce, plain].map(({ url }, index) => ({
              url,
              name: `box-${index}`,
              type: 'openai-compatible',
              max_concurrent: url === scarce.url ? places : 0,
              check_interval: '5s',
              check_timeout: '4s',
            })),
          },
        },
      },
      { cluster: { timeout: '500ms' } },
    )
    const keys = { any: bearer(any.key), limited: bearer(limited.key) }
    for (const { url } of fleet.replicas) {
      for (const model of ['m', 'scarce', 'plain'])
        await eventually(async () => {
          const response = await postChat(url, { model }, { headers: keys.any })
          await response.text()
          return response.status === 200
        })
    }
    for (const { seen } of [scarce, plain]) seen.max = 0
    return { scarce, plain, fleet, keys }
  }

  it('fail no request, keep sessions and exceed nothing from 3 to 5 to 2', async (t) => {
    const started = await start(t)
    const { fleet } = started
    const load = startLoad(started)
    await load.more(100)
    for (let added = 0; added < 2; added++) {
      await fleet.add()
      await load.more(80)
    }
    assert.equal(fleet.replicas.length, 5)
    for (let left = 0; left < 3; left++) {
      const [leaving] = fleet.replicas
      await leave(fleet, leaving ?? assert.fail())
      await load.more(80)
    }
    assert.equal(fleet.replicas.length, 2)
    await fleet.settle()
    t.diagnostic(await load.end())
  })

  for (const threads of [1, 2])
    it(`fail no request and keep sessions while all are restarted, ${threads} thread(s) each`, async (t) => {
      const started = await start(t, threads)
      const { fleet } = started
      const load = startLoad(started)
      await load.more(60)
      for (const replica of [...fleet.replicas]) {
        await leave(fleet, replica)
        await load.more(30)
        await fleet.add()
        await load.more(60)
      }
      assert.equal(fleet.replicas.length, 3)
      t.diagnostic(await load.end())
    })

  it('have the places of a killed one within two seconds', async (t) => {
    const { scarce, fleet, keys } = await start(t)
    const [killed, other, third] = fleet.replicas
    assert.ok(killed !== undefined && other !== undefined && third !== undefined)
    const send = (url: string) => postChat(url, { model: 'scarce' }, { headers: keys.any })
    scarce.answerMs = 600_000
    const held = Array.from({ length: places }, () => send(killed.url).catch(() => undefined))
    await eventually(() => scarce.seen.current === places)
    scarce.answerMs = 2
    // They wait for places, which nothing but the death frees.
    const waiting = [other, third].flatMap(({ url }) => [send(url), send(url)])
    const heldByOther = async () => (await clusterOf(other)).leases[0]?.held ?? 0
    assert.equal(await heldByOther(), 0)
    const exit = once(killed.child, 'exit')
    killed.child.kill('SIGKILL')
    await exit
    const killedAtMs = performance.now()
    const first = await Promise.any(waiting)
    const tookMs = performance.now() - killedAtMs
    assert.equal(first.status, 200)
    for (const response of await Promise.all(waiting)) assert.equal(response.status, 200)
    await Promise.all(held)
    t.diagnostic(`a place was free after ${Math.round(tookMs)} ms`)
    assert.ok(tookMs <= 2_000, `${tookMs} ms`)
  })
})

/** Its clients go elsewhere first, as behind a proxy; then it ends its requests. */
async function leave(fleet: ReplicaFleet, replica: ReplicaProcess): Promise<void> {
  fleet.remove(replica)
  const code = await replica.stop()
  assert.equal(code, 0)
}

interface Started {
  readonly scarce: BusyEndpoint
  readonly plain: BusyEndpoint
  readonly fleet: ReplicaFleet
  readonly keys: Readonly<Record<'any' | 'limited', Record<string, string>>>
}

/** Conversations, each turn through another replica; requests for a few places; and those of a key with a limit. */
function startLoad({ scarce, plain, fleet, keys }: Started) {
  const statuses: number[] = []
  const refused: number[] = []
  const moves: string[] = []
  const homes = new Map<string, string | null>()
  let isOver = false
  let turns = 0
  async function send(extra: Record<string, unknown>, headers: Record<string, string>): Promise<Response> {
    const { url } = fleet.replicas[turns++ % fleet.replicas.length] ?? assert.fail()
    const response = await postChat(url, extra, { headers })
    await response.text()
    return response
  }
  const repeat = (clients: number, run: (client: number) => Promise<void>) =>
    Promise.all(
      Array.from({ length: clients }, async (_, client) => {
        while (!isOver) await run(client)
      }),
    )
  const conversations = repeat(4, async (client) => {
    for (let at = 0; at < 10; at++) {
      const session = `session ${client} ${at}`
      const response = await send({}, { ...keys.any, 'x-olla-session-id': session })
      statuses.push(response.status)
      const endpoint = response.headers.get('x-olla-endpoint')
      const home = homes.get(session)
      homes.set(session, endpoint)
      if (home !== undefined && home !== endpoint) {
        const why = `${response.headers.get('x-olla-sticky-session')}, ${response.headers.get('x-olla-sticky-reason')}, ${new URL(response.url).port}`
        moves.push(`${session}: ${home} to ${endpoint} (${why})`)
      }
      // The others have heard of a new one before its next turn, on a busy machine too.
      if (home === undefined) await new Promise((resolve) => setTimeout(resolve, 500))
    }
  })
  const wanting = repeat(5, async () => {
    statuses.push((await send({ model: 'scarce' }, keys.any)).status)
  })
  const limited = repeat(8, async () => {
    const { status } = await send({ model: 'plain' }, keys.limited)
    if (status === 429) refused.push(status)
    else statuses.push(status)
  })
  return {
    async more(count: number) {
      const before = statuses.length
      await eventually(() => statuses.length >= before + count, { timeoutMs: 60_000 })
    },
    /** @returns what was seen */
    async end() {
      isOver = true
      await Promise.all([conversations, wanting, limited])
      assert.deepEqual(
        statuses.filter((status) => status !== 200),
        [],
      )
      assert.deepEqual(moves, [])
      assert.ok(scarce.seen.max <= places, `${scarce.seen.max} at a time of ${places}`)
      assert.ok(plain.seen.max <= keyLimit, `${plain.seen.max} at a time of ${keyLimit}`)
      return `${statuses.length} requests, ${refused.length} refused by the limit, ${homes.size} sessions, ${moves.length} moved`
    },
  }
}
