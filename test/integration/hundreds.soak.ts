/**
 * Hundreds of endpoints come and go at random under load: no request fails that another endpoint could have served, and
 * nothing is left behind. `HUNDREDS_SECONDS=600` runs it for ten minutes.
 */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { type EndpointRow, postChat, type RunningGateway, startGateway } from '../support/gateway.ts'
import { eventually } from '../support/simulator.ts'
import { heldIn, timers, withCells } from './hundreds/cells.ts'
import { type SmallServer, startSmallServer } from './hundreds/servers.ts'
import { type Calls, costOf, countCalls, type DecisionCost } from './hundreds/steps.ts'

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
    // The cells of the thread that serves are read, so it is this one.
    const options = { awaitRoutable: 0, threads: 1 }
    const { result: gateway, state } = await withCells(() =>
      startGateway(t, fleet.entries(), sections, options),
    )
    // On a busy machine, that many probes and lists take a while.
    const knows = ({ status, model_count: models }: EndpointRow) => status !== 'unknown' && models > 0
    await eventually(async () => (await gateway.status()).every(knows), { timeoutMs: 120_000 })
    await decisionCost(gateway)
    const costBefore = await decisionCost(gateway)
    const before = { ...heldIn(state), ...(await shown(gateway)) }
    const timersBefore = timers()

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
    // On a busy machine, probes are slow. Penalties melt within a minute; circuits close by the success of a request.
    const isWell = ({ status, breaker }: EndpointRow) =>
      (status === 'healthy' || status === 'busy') && breaker?.state === 'closed'
    const untilRestMs = performance.now() + 120_000
    for (;;) {
      await (await postChat(gateway.url, { model: 'all' })).arrayBuffer()
      const unwell = (await gateway.status()).filter((row) => !isWell(row))
      if (unwell.length === 0 && heldIn(state).penalized === 0) break
      assert.ok(performance.now() < untilRestMs, JSON.stringify([unwell[0], heldIn(state)]))
    }
    await decisionCost(gateway)
    const costAfter = await decisionCost(gateway)
    const after = { ...heldIn(state), ...(await shown(gateway)) }
    const timersAfter = timers()
    const figures = { before, costBefore, timersBefore, after, costAfter, timersAfter }
    t.diagnostic(JSON.stringify({ changes, answered, failed: failed.length, ...figures }))
    assert.deepEqual(failed, [])
    assert.ok(changes > 5 && answered > 100, `${changes} changes, ${answered} answers`)
    assert.deepEqual(after, before)
    // The clients' own connections have timers, too.
    assert.ok(timersAfter <= timersBefore + 100, `${timersBefore} timers, then ${timersAfter}`)
    assert.ok(costAfter.perRequest <= costBefore.perRequest * 1.05, JSON.stringify(figures))
    assert.ok(costAfter.perDecision <= costBefore.perDecision * 1.05, JSON.stringify(figures))
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

/**
 * Calls of functions that decide. A status that changes makes the router decide anew; one endpoint is drained and
 * returned for that, so that its cost is measured, too, and other changes at the same time do not count as a growth.
 */
async function decisionCost(gateway: RunningGateway): Promise<DecisionCost> {
  const rounds: Calls[] = []
  for (let round = 0; round < 24; round++) {
    if (round % 6 === 4) await serve(gateway, 'drain')
    if (round % 6 === 5) await serve(gateway, 'undrain')
    rounds.push(
      await countCalls(['/src/routing/', '/src/proxy/'], async () => {
        for (let request = 0; request < perRound; request++)
          await (await postChat(gateway.url, { model: 'all' })).arrayBuffer()
      }),
    )
  }
  return costOf(rounds, perRound)
}

async function serve({ url }: RunningGateway, action: 'drain' | 'undrain') {
  const headers = { 'x-olla-gateway': '1' }
  const response = await fetch(`${url}/internal/admin/endpoints/server-0/${action}`, {
    method: 'POST',
    headers,
  })
  assert.ok(response.ok, await response.text())
}

/** What the routes show that must be the same when all endpoints are back. */
async function shown(gateway: RunningGateway) {
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
    open: rows.filter(({ breaker }) => breaker?.state !== 'closed').length,
    endpoints: rows.length,
    namesInMetrics: names.size,
  }
}
