import assert from 'node:assert/strict'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { Ledger } from '../../../src/callers/ledger/ledger.ts'
import { type UsageBatch, UsageStore } from '../../../src/callers/ledger/usage-store.ts'
import { migrate } from '../../../src/callers/store/migrations.ts'
import { openSqlite } from '../../../src/callers/store/sqlite-database.ts'
import { FakeClock, settle } from '../../support/fake-clock.ts'
import { usageRow } from './rows.ts'

function start(maxRows?: number) {
  const clock = new FakeClock()
  const batches: UsageBatch[] = []
  const states: (string | undefined)[] = []
  const store = {
    failure: undefined as Error | undefined,
    async write(batch: UsageBatch) {
      batches.push(batch)
      if (store.failure !== undefined) throw store.failure
      return undefined
    },
  }
  const ledger = new Ledger({
    writer: 'w',
    store,
    clock,
    onState: (isWritable, reason) => states.push(isWritable ? 'writable' : reason),
    ...(maxRows === undefined ? {} : { maxRows }),
  })
  return { clock, batches, states, store, ledger }
}

const requestsOf = ({ rows }: UsageBatch) => rows.reduce((sum, { requests }) => sum + requests, 0)

describe('the ledger', () => {
  it('writes at once, and what comes meanwhile in the next batch', async () => {
    const { ledger, batches } = start()
    ledger.add([usageRow()])
    ledger.add([usageRow(), usageRow({ model: 'n' })])
    await settle()
    assert.deepEqual(batches.map(requestsOf), [1, 2])
    assert.deepEqual(
      batches.map(({ number }) => number),
      [1, 2],
    )
    assert.equal(ledger.state.pendingRows, 0)
    assert.equal(ledger.state.writtenRequests, 3)
  })

  it('keeps rows while the store is away, reports it once, repeats the batch as it is, and catches up', async () => {
    const { ledger, batches, states, store, clock } = start()
    store.failure = new Error('disk full')
    ledger.add([usageRow()])
    await settle()
    for (let seconds = 0; seconds < 100; seconds++) {
      ledger.add([usageRow(), usageRow({ model: 'n' })])
      await clock.advance(1_000)
      await settle()
    }
    assert.deepEqual(states, ['disk full'])
    assert.ok(batches.length > 5 && batches.length < 25, `${batches.length} tries`)
    assert.ok(batches.every((batch) => batch.number === 1 && requestsOf(batch) === 1))
    assert.equal(ledger.state.pendingRows, 3)
    store.failure = undefined
    await clock.advance(10_000)
    await settle()
    assert.deepEqual(states, ['disk full', 'writable'])
    assert.deepEqual(batches.slice(-2).map(requestsOf), [1, 200])
    assert.deepEqual([ledger.state.pendingRows, ledger.state.lostRequests], [0, 0])
  })

  it('folds the rows of a key into one at its bound, and counts what it loses beyond', async () => {
    const { ledger, batches, store } = start(4)
    store.failure = new Error('away')
    ledger.add([usageRow({ model: 'first' })])
    await settle()
    for (let at = 0; at < 50; at++) ledger.add([usageRow({ model: `m${at}` })])
    assert.equal(ledger.state.pendingRows, 1 + 4 + 1)
    for (let at = 0; at < 50; at++) ledger.add([usageRow({ keyId: `key${at}` })])
    assert.equal(ledger.state.pendingRows, 1 + 8)
    assert.equal(ledger.state.lostRequests, 50 - 3)
    store.failure = undefined
    assert.equal(await ledger.flush(), true)
    const rows = batches.at(-1)?.rows ?? []
    assert.equal(rows.find(({ keyId, model }) => keyId === 'key_1' && model === '(other)')?.requests, 46)
  })

  it('survives a full disk', async (t) => {
    const database = openSqlite(join(await mkdtemp(join(tmpdir(), 'olla-ledger-')), 'callers.db'))
    t.after(() => database.close())
    await migrate(database, { secretCheck: 'check' })
    const [page] = await database.all('PRAGMA page_count')
    const reasons: (string | undefined)[] = []
    const ledger = new Ledger({
      writer: 'w',
      store: new UsageStore(database),
      clock: new FakeClock(),
      onState: (_isWritable, reason) => reasons.push(reason),
    })
    await database.all(`PRAGMA max_page_count = ${Number(page?.page_count)}`)
    for (let at = 0; at < 3_000; at++) ledger.add([usageRow({ keyId: `key_${at}` })])
    assert.equal(await ledger.flush(), false)
    assert.match(String(reasons[0]), /full/)
    await database.all('PRAGMA max_page_count = 100000')
    assert.equal(await ledger.flush(), true)
    const [row] = await database.all('SELECT SUM(requests) AS n FROM olla_usage')
    assert.equal(row?.n, 3_000)
    assert.deepEqual(reasons.slice(1), [undefined])
  })
})
