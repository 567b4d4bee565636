import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { createKey } from '../../src/callers/keys/key-text.ts'
import { openPostgres } from '../../src/callers/store/postgres-database.ts'
import { openSqlite } from '../../src/callers/store/sqlite-database.ts'
import { adminOf, bearer, callersSecret, configuredKey } from '../support/callers.ts'
import { folder, listening, run } from '../support/command.ts'
import { askFor, startCountingEndpoint } from '../support/counting-endpoint.ts'
import { startGateway } from '../support/gateway.ts'
import { startPostgres, whyNoPostgres } from '../support/postgres.ts'
import { eventually } from '../support/simulator.ts'

const open = (url: string) => openPostgres(url, { onError: () => {} })

async function start(t: TestContext) {
  const postgres = await startPostgres()
  const store = await postgres.createSchema()
  const { key, entry } = configuredKey('ci', {
    limits: { budgets: [{ amount: 1e9, unit: 'tokens', period: 'day' }] },
  })
  const endpoint = await startCountingEndpoint(t)
  const callers = { store, secret: callersSecret, keys: [entry], refresh_interval: '50ms' }
  const { url } = await startGateway(t, [{ url: endpoint.url }], { callers })
  const statusOf = async (each: string) => (await fetch(`${url}/v1/models`, { headers: bearer(each) })).status
  const requests = async () => {
    const { status, body } = await adminOf(url)('GET', '/usage')
    return status === 200 ? (body.total as { requests: number }).requests : -1
  }
  const ask = (tokens: number) => askFor(url, bearer(key), 'complete', tokens, false)
  return { postgres, store, url, key, endpoint, statusOf, requests, ask }
}

describe('a PostgreSQL', { skip: whyNoPostgres ?? false }, () => {
  const needsProc = process.platform !== 'linux' && 'needs /proc'
  it('that hangs delays no request, makes no unknown key wrong, and loses nothing', {
    skip: needsProc,
  }, async (t) => {
    const { postgres, key, endpoint, statusOf, requests, ask } = await start(t)
    await ask(1)
    await eventually(async () => (await requests()) === 1)
    postgres.signal('SIGSTOP')
    const frozenMs = performance.now()
    for (let count = 0; count < 20; count++) await ask(2)
    assert.equal(await statusOf(key), 200)
    await eventually(async () => (await statusOf(createKey())) === 503)
    assert.ok(performance.now() - frozenMs < 60_000)
    postgres.signal('SIGCONT')
    await eventually(async () => (await statusOf(createKey())) === 401)
    await eventually(async () => (await requests()) === 21)
    assert.equal(endpoint.sent.answers, 21)
  })

  it('whose tables get a new column, or that restarts, is used on without an error', async (t) => {
    const { postgres, store, url, statusOf, requests, ask } = await start(t)
    const admin = adminOf(url)
    const other = await open(store)
    let asked = 0
    const under = async (work: () => Promise<unknown>) => {
      let isDone = false
      const load = (async () => {
        while (!isDone) {
          await ask(1)
          asked++
        }
      })()
      await work()
      isDone = true
      await load
    }
    await under(async () => {
      assert.equal((await admin('POST', '/keys', { name: 'a' })).status, 201)
      for (const table of ['olla_keys', 'olla_key_hashes', 'olla_usage', 'olla_amounts', 'olla_schema'])
        await other.all(`ALTER TABLE ${table} ADD COLUMN later TEXT`)
      assert.equal((await admin('PATCH', '/keys/a', { enabled: false })).status, 200)
      assert.equal((await admin('GET', '/keys')).status, 200)
      await eventually(async () => (await requests()) > 0)
    })
    await other.close()
    await under(async () => {
      await postgres.stop()
      await postgres.start()
      await eventually(async () => (await admin('POST', '/keys', { name: 'b' })).status === 201)
    })
    await eventually(async () => (await requests()) === asked)
    assert.equal(await statusOf(createKey()), 401)
  })

  it('that ends its connections is used on', async (t) => {
    const { store, url, requests, ask } = await start(t)
    const database = await open(store)
    await ask(1)
    await eventually(async () => (await requests()) === 1)
    await database.all(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND application_name = 'olla-gateway'",
    )
    await ask(1)
    await eventually(async () => (await requests()) === 2)
    assert.equal((await adminOf(url)('POST', '/keys', { name: 'x' })).status, 201)
    await database.close()
  })
})

describe('the ledger of a process that is stopped', () => {
  it('has every request, also those that end during the stop', async (t) => {
    const { key, entry } = configuredKey('ci', { limits: { max_concurrent: 100 } })
    const endpoint = await startCountingEndpoint(t)
    const config = {
      server: {
        host: '127.0.0.1',
        port: 0,
        threads: 2,
        rate_limits: { global_requests_per_minute: 0, per_ip_requests_per_minute: 0 },
      },
      discovery: { static: { endpoints: [{ url: endpoint.url, name: 'gpu', type: 'openai' }] } },
      callers: { store: 'callers.db', secret: callersSecret, keys: [entry] },
    }
    const cwd = await folder({ 'config.yaml': JSON.stringify(config) })
    const running = run(t, [], { cwd })
    const url = await listening(running)
    const headers = bearer(key)
    await eventually(async () => (await fetch(`${url}/internal/ready`)).status === 200)
    let served = 0
    let isStopping = false
    const client = async () => {
      while (!isStopping) {
        try {
          await askFor(url, headers, 'complete', 3)
          served++
        } catch {
          return
        }
      }
    }
    const clients = Array.from({ length: 6 }, client)
    await eventually(() => served > 200)
    running.child.kill('SIGTERM')
    isStopping = true
    await Promise.all(clients)
    assert.equal(await running.exit, 0)
    const database = openSqlite(`${cwd}/callers.db`)
    t.after(() => database.close())
    const [row] = await database.all(
      'SELECT SUM(requests) AS n, SUM(ok) AS ok, SUM(completion_tokens) AS tokens FROM olla_usage',
    )
    assert.equal(row?.ok, served)
    assert.equal(row?.tokens, endpoint.sent.completionTokens)
  })
})
