/**
 * Hundreds of endpoints come and go at random under load: no request fails that another endpoint could have served, and
 * nothing is left behind. `HUNDREDS_SECONDS=600` runs it for ten minutes.
 */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { postChat, type RunningGateway, startGateway } from '../support/gateway.ts'
import { eventually } from '../support/simulator.ts'
import { type SmallServer, startSmallServer } from './hundreds/servers.ts'
import { countCalls } from './hundreds/steps.ts'

const seconds = Number(process.env.HUNDREDS_SECONDS ?? 40)
const count = Number(process.env.HUNDREDS_ENDPOINTS ?? 500)
const groups = 10
/** Of each group, so many always stay. */
const staying = 3
const changedAtOnce = 20
const clients = 6
const perRound = 5

describe(`${count} endpoints that come and go for ${seconds} s`, () => {
  it('fail no request, leak nothing, and cost a decision as much as before', async (t) => {
    const fleet = await startFleet(t)
    const sections = { discovery: { spare_endpoints: count } }
    const gateway = await startGateway(t, fleet.entries(), sections, { awaitRoutable: count })
    const decide = () => decisionCalls(gateway)
    await decide()
    const before = { calls: await decide(), ...(await held(gateway)) }

    let isOver = false
    let answered = 0
    const failed: string[] = []
    const load = Array.from({ length: clients }, async (_each, client) => {
      for (let request = client; !isOver; request++) {
        const response = await postChat(gateway.url, { model: `group-${request % groups}` })
        const text = await response.text()
        if (response.status !== 200) failed.push(`${response.status} ${text.slice(0, 300)}`)
        answered++
      }
    })
    let changes = 0
    const untilMs = performance.now() + seconds * 1_000
    while (performance.now() < untilMs) {
      const crashed = await fleet.change()
      const result = await gateway.reload(fleet.entries(), sections)
      assert.notEqual(result.outcome, 'refused', result.reason ?? '')
      changes++
      for (const server of crashed) await server.start()
    }
    isOver = true
    await Promise.all(load)

    fleet.returnAll()
    await gateway.reload(fleet.entries(), sections)
    // On a busy machine, probes are slow.
    const isWell = ({ status }: { status: string }) => status === 'healthy' || status === 'busy'
    await eventually(async () => (await gateway.status()).every(isWell), { timeoutMs: 60_000 })
    await decide()
    const after = { calls: await decide(), ...(await held(gateway)) }
    t.diagnostic(JSON.stringify({ changes, answered, failed: failed.length, before, after }))
    assert.deepEqual(failed, [])
    assert.ok(changes > 5 && answered > 100, `${changes} changes, ${answered} answers`)
    assert.deepEqual(after, { ...before, calls: after.calls })
    assert.ok(after.calls <= before.calls * 1.05, `${before.calls} calls, then ${after.calls}`)
  })
})

async function startFleet(t: TestContext) {
  const servers = await Promise.all(
    Array.from({ length: count }, (_each, at) =>
      startSmallServer(`server-${at}`, [`group-${at % groups}`, 'all']),
    ),
  )
  t.after(() => {
    for (const server of servers) server.close()
  })
  const present = new Set(servers)
  const entry = ({ name, url }: SmallServer) => ({
    name,
    url,
    type: 'openai-compatible',
    check_interval: '20s',
    check_timeout: '5s',
  })
  return {
    entries: () => servers.filter((server) => present.has(server)).map(entry),
    /** Adds and removes some at random; some of the removed ones have crashed before. */
    async change(): Promise<SmallServer[]> {
      const crashed: SmallServer[] = []
      for (let round = 0; round < changedAtOnce; round++) {
        const at = Math.floor(Math.random() * (count - groups * staying)) + groups * staying
        const server = servers[at]
        if (server === undefined) continue
        if (!present.delete(server)) {
          present.add(server)
        } else if (Math.random() < 0.2) {
          crashed.push(server)
          await server.crash()
        }
      }
      return crashed
    },
    returnAll() {
      for (const server of servers) present.add(server)
    },
  }
}

/** Calls of functions that decide, for a request; the fewest of several, because a probe may change a status meanwhile. */
async function decisionCalls(gateway: RunningGateway): Promise<number> {
  const rounds: number[] = []
  for (let round = 0; round < 20; round++) {
    const calls = await countCalls(['/src/routing/', '/src/proxy/'], async () => {
      for (let request = 0; request < perRound; request++)
        await (await postChat(gateway.url, { model: 'all' })).arrayBuffer()
    })
    rounds.push(calls / perRound)
  }
  return Math.min(...rounds)
}

/** What must be the same when all endpoints are back. */
async function held(gateway: RunningGateway) {
  await eventually(async () => (await gateway.status()).length === count, { timeoutMs: 60_000 })
  const metrics = await (await fetch(`${gateway.url}/internal/metrics`)).text()
  const rows = await gateway.status()
  const names = new Set(
    metrics
      .split('\n')
      .filter((line) => !line.startsWith('#') && line.includes('endpoint="'))
      .map((line) => /endpoint="([^"]*)"/.exec(line)?.[1]),
  )
  return {
    inFlight: rows.reduce((sum, { in_flight: inFlight }) => sum + inFlight, 0),
    endpoints: rows.length,
    namesInMetrics: names.size,
    timers: process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length > 5_000,
  }
}
