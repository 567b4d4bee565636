import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openSqlite } from '../../src/callers/store/sqlite-database.ts'
import { adminOf, bearer, callersSecret, configuredKey, storeFile } from '../support/callers.ts'
import { askFor, startCountingEndpoint } from '../support/counting-endpoint.ts'
import { startGateway } from '../support/gateway.ts'
import { eventually } from '../support/simulator.ts'

interface LedgerStatus {
  readonly writable: boolean
  readonly pending_rows: number
  readonly pending_since: string | null
  readonly lag_seconds: number
  readonly written_requests: number
  readonly last_write_at: string | null
  readonly error: string | null
  readonly failing_since: string | null
}

const statusOf = async (url: string) =>
  (await (await fetch(`${url}/internal/status`)).json()) as {
    readonly callers?: {
      readonly store?: { readonly available: boolean }
      readonly ledger?: LedgerStatus
      readonly webhooks?: unknown
    }
  }

describe('the status of callers', () => {
  it('shows the ledger: what waits in memory, since when and why, and that it was written later', async (t) => {
    const { key, entry } = configuredKey('ci')
    const endpoint = await startCountingEndpoint(t)
    const store = await storeFile()
    const callers = { store, secret: callersSecret, keys: [entry] }
    const { url } = await startGateway(t, [{ url: endpoint.url }], { callers })
    const ledger = async () => (await statusOf(url)).callers?.ledger ?? assert.fail('no ledger')
    const ask = () => askFor(url, bearer(key), 'complete', 3)
    const startedMs = Date.now()
    await ask()
    await eventually(async () => (await ledger()).written_requests === 1)
    const good = await ledger()
    assert.deepEqual(
      [good.writable, good.pending_rows, good.lag_seconds, good.error, good.failing_since],
      [true, 0, 0, null, null],
    )
    assert.ok(Date.parse(good.last_write_at ?? '') >= startedMs)

    // Another program breaks the tables.
    const other = openSqlite(store)
    await other.all('ALTER TABLE olla_usage RENAME TO olla_usage_away')
    await ask()
    await eventually(async () => !(await ledger()).writable)
    await ask()
    await eventually(async () => (await ledger()).lag_seconds > 0.2)
    const bad = await ledger()
    assert.deepEqual([bad.pending_rows > 0, bad.error, bad.written_requests], [true, 'failed', 1])
    assert.ok(Date.parse(bad.failing_since ?? '') >= startedMs)
    assert.ok(Date.parse(bad.pending_since ?? '') >= startedMs)
    assert.ok(!JSON.stringify(await statusOf(url)).includes('olla_usage'))

    await other.all('ALTER TABLE olla_usage_away RENAME TO olla_usage')
    await other.close()
    await eventually(async () => (await ledger()).written_requests === 3)
    const again = await ledger()
    assert.deepEqual(
      [again.writable, again.pending_rows, again.error, again.failing_since],
      [true, 0, null, null],
    )
    const { body } = await adminOf(url)('GET', '/usage')
    assert.equal((body.total as { requests: number }).requests, 3)
    assert.deepEqual(Object.keys(body.ledger as object), Object.keys(again))
  })

  it('has only what is on', async (t) => {
    const { entry } = configuredKey('ci')
    const off = await startGateway(t, [])
    assert.equal((await statusOf(off.url)).callers, undefined)
    const keysOnly = await startGateway(t, [], { callers: { secret: callersSecret, keys: [entry] } })
    assert.deepEqual((await statusOf(keysOnly.url)).callers, {})
    const stored = await startGateway(t, [], {
      callers: { store: await storeFile(), secret: callersSecret, ledger: { enabled: false } },
    })
    assert.deepEqual((await statusOf(stored.url)).callers, { store: { available: true } })
  })
})
