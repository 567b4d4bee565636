import assert from 'node:assert/strict'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { openSqlite } from '../../src/callers/store/sqlite-database.ts'
import { adminOf, bearer, callersSecret, configuredKey } from '../support/callers.ts'
import { folder, listening, run } from '../support/command.ts'
import { askFor, startCountingEndpoint } from '../support/counting-endpoint.ts'
import { startGateway } from '../support/gateway.ts'
import { startPostgres, whyNoPostgres } from '../support/postgres.ts'
import { eventually } from '../support/simulator.ts'

const lastMs = 1_000

interface CallersStatus {
  readonly store: { readonly available: boolean }
  readonly ledger: {
    readonly writable: boolean
    readonly error: string | null
    readonly lag_seconds: number
    readonly failing_since: string | null
  }
}

describe('the ledger of a process that is killed', () => {
  it('lacks at most what was served in the last second', async (t) => {
    const { key, entry } = configuredKey('ci')
    const endpoint = await startCountingEndpoint(t)
    const config = {
      server: {
        host: '127.0.0.1',
        port: 0,
        rate_limits: { global_requests_per_minute: 0, per_ip_requests_per_minute: 0 },
      },
      discovery: { static: { endpoints: [{ url: endpoint.url, name: 'gpu', type: 'openai' }] } },
      callers: { store: 'callers.db', secret: callersSecret, keys: [entry] },
    }
    const cwd = await folder({ 'config.yaml': JSON.stringify(config) })
    const running = run(t, [], { cwd })
    const url = await listening(running)
    const headers = bearer(key)
    await eventually(async () => {
      const response = await fetch(`${url}/v1/models`, { headers })
      return (await response.text()).includes('"m"')
    })

    /** When the answer to each request was complete, before the kill. */
    const servedAtMs: number[] = []
    let killedAtMs = Number.POSITIVE_INFINITY
    const client = async () => {
      while (killedAtMs === Number.POSITIVE_INFINITY) {
        try {
          await askFor(url, headers, 'complete', 3, false)
          servedAtMs.push(performance.now())
        } catch {
          return
        }
      }
    }
    const clients = Array.from({ length: 4 }, client)
    await eventually(() => servedAtMs.length > 200 && performance.now() - (servedAtMs[0] ?? 0) > 2 * lastMs)
    killedAtMs = performance.now()
    running.child.kill('SIGKILL')
    await once(running.child, 'close')
    await Promise.all(clients)

    const database = openSqlite(join(cwd, 'callers.db'))
    t.after(() => database.close())
    const [row] = await database.all(
      'SELECT SUM(requests) AS n, SUM(completion_tokens) AS tokens FROM olla_usage',
    )
    const counted = Number(row?.n)
    const [days] = await database.all('SELECT SUM(requests) AS n FROM olla_usage_days')
    assert.equal(days?.n, counted, 'hours and days agree')
    assert.equal(row?.tokens, counted * 3)
    const before = servedAtMs.filter((atMs) => atMs < killedAtMs - lastMs).length
    assert.ok(before > 0 && counted >= before, `${counted} counted, ${before} served a second before`)
    assert.ok(counted <= endpoint.sent.answers)
    t.diagnostic(`${endpoint.sent.answers} served, ${endpoint.sent.answers - counted} lost`)
  })
})

describe('the ledger in a PostgreSQL that goes away', { skip: whyNoPostgres ?? false }, () => {
  it('keeps counting, says so, and catches up', async (t) => {
    const postgres = await startPostgres()
    const { key, entry } = configuredKey('ci')
    const endpoint = await startCountingEndpoint(t)
    const section = { store: await postgres.createSchema(), secret: callersSecret, keys: [entry] }
    const { url } = await startGateway(t, [{ url: endpoint.url }], { callers: section })
    const ask = (tokens: number) => askFor(url, bearer(key), 'complete', tokens)
    const requests = async () => {
      const { status, body } = await adminOf(url)('GET', '/usage')
      return status === 200 ? (body.total as { requests: number }).requests : status
    }
    const statusOfCallers = async () => {
      const status: unknown = await (await fetch(`${url}/internal/status`)).json()
      return (status as { callers: CallersStatus }).callers
    }
    const metric = async (name: string) => {
      const text = await (await fetch(`${url}/internal/metrics`)).text()
      return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
    }
    await ask(1)
    await eventually(async () => (await requests()) === 1)

    await postgres.stop()
    await ask(2)
    await eventually(async () => (await metric('olla_ledger_up')) === 0)
    await ask(3)
    await eventually(async () => (await metric('olla_ledger_pending_rows')) > 0)
    assert.equal(await requests(), 503)
    const callers = await statusOfCallers()
    assert.deepEqual([callers.ledger.writable, callers.ledger.error], [false, 'unreachable'])
    assert.ok(callers.ledger.lag_seconds > 0 && callers.ledger.failing_since !== null)
    await eventually(async () => !(await statusOfCallers()).store.available)

    await postgres.start()
    await eventually(async () => (await requests()) === 3)
    const { total, ledger } = (await adminOf(url)('GET', '/usage')).body as {
      total: { completion_tokens: number }
      ledger: { writable: boolean; pending_rows: number; lost_requests: number }
    }
    assert.equal(total.completion_tokens, endpoint.sent.completionTokens)
    assert.deepEqual([ledger.writable, ledger.pending_rows, ledger.lost_requests], [true, 0, 0])
  })
})
