import assert from 'node:assert/strict'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { readAmounts, removeAmounts } from '../../../src/callers/ledger/amount-store.ts'
import { queryUsage, type UsageQuery } from '../../../src/callers/ledger/usage-query.ts'
import { hourMs, type UsageRow } from '../../../src/callers/ledger/usage-row.ts'
import { UsageStore } from '../../../src/callers/ledger/usage-store.ts'
import type { Database } from '../../../src/callers/store/database.ts'
import { migrate } from '../../../src/callers/store/migrations.ts'
import { openPostgres } from '../../../src/callers/store/postgres-database.ts'
import { openSqlite } from '../../../src/callers/store/sqlite-database.ts'
import { startPostgres, whyNoPostgres } from '../../support/postgres.ts'
import { firstHour, usageRow } from './rows.ts'

const postgres = whyNoPostgres === undefined ? await startPostgres() : undefined

const kinds: readonly { name: string; skip: string | undefined; open: () => Promise<Database> }[] = [
  {
    name: 'SQLite',
    skip: undefined,
    open: async () => openSqlite(join(await mkdtemp(join(tmpdir(), 'olla-usage-')), 'callers.db')),
  },
  {
    name: 'PostgreSQL',
    skip: whyNoPostgres,
    open: async () =>
      openPostgres((await postgres?.createSchema()) ?? '', { onError: (error) => assert.fail(error) }),
  },
]

const all: UsageQuery = {
  sinceMs: firstHour * hourMs,
  untilMs: (firstHour + 240) * hourMs,
  by: [],
  interval: 'total',
  filter: {},
  limit: 100,
}

for (const { name, skip, open } of kinds) {
  describe(`the ledger in ${name}`, skip === undefined ? {} : { skip }, () => {
    let batches = 0
    async function start(t: TestContext) {
      const database = await open()
      t.after(() => database.close())
      await migrate(database, { secretCheck: 'check' })
      const store = new UsageStore(database)
      const write = (rows: UsageRow[], number = ++batches) =>
        store.write({ writer: 'w', number, atMs: 0, rows, amounts: [] })
      const ask = (query: Partial<UsageQuery> = {}, hourlyFromMs = 0) =>
        queryUsage(database, { ...all, ...query }, hourlyFromMs)
      return { database, store, write, ask }
    }

    it('adds up rows, in one batch and over several', async (t) => {
      const { write, ask } = await start(t)
      await write([usageRow(), usageRow({ model: 'n', completionTokens: 7 }), usageRow()])
      await write([usageRow({ cachedTokens: 3, reasoningTokens: 2, durationMs: 1.4 })])
      const { rows, total, next } = await ask({ by: ['model'] })
      assert.deepEqual(
        rows.map((row) => [row.model, row.requests, row.promptTokens, row.completionTokens, row.cost]),
        [
          ['m', 3, 30, 15, 0.75],
          ['n', 1, 10, 7, 0.25],
        ],
      )
      assert.deepEqual(
        [total.requests, total.cachedTokens, total.reasoningTokens, total.durationMs],
        [4, 3, 2, 1],
      )
      assert.equal(next, undefined)
    })

    it('writes a batch once, however often it is repeated', async (t) => {
      const { store, ask } = await start(t)
      const batch = { writer: 'w', number: 1_000, atMs: 0, rows: [usageRow()], amounts: [] }
      await store.write(batch)
      await store.write(batch)
      await store.write({ ...batch, number: 999 })
      assert.equal((await ask()).total.requests, 1)
      await store.write({ ...batch, writer: 'another' })
      assert.equal((await ask()).total.requests, 2)
    })

    it('writes a batch and the amounts of limits, or neither', async (t) => {
      const { database, store, ask } = await start(t)
      const amount = {
        kind: 'team',
        id: 'ml',
        window: 'money month calendar',
        bucket: 7,
        amount: 2 ** 45,
      } as const
      const batch = { writer: 'w', number: 2_000, atMs: 0, rows: [usageRow()] }
      const broken = store.write({ ...batch, amounts: [{ ...amount, amount: Number.NaN }] })
      await assert.rejects(broken)
      assert.equal((await ask()).total.requests, 0)
      const other = { ...amount, kind: 'key', id: 'key_1' } as const
      await store.write({ ...batch, amounts: [amount, other] })
      const again = { ...batch, number: 2_001, amounts: [{ ...amount, amount: 5 }] }
      assert.equal(await store.write(again), 2)
      assert.equal(await store.write(again), undefined, 'it is there already')
      assert.equal((await ask()).total.requests, 2)
      const sum = { ...amount, amount: 2 ** 45 + 5 }
      const { amounts, revision } = await readAmounts(database)
      assert.deepEqual([amounts.toSorted((a, b) => (a.kind < b.kind ? -1 : 1)), revision], [[other, sum], 2])
      assert.deepEqual(await readAmounts(database, 1), { amounts: [sum], revision: 2 })
      assert.deepEqual(await readAmounts(database, 2), { amounts: [], revision: 2 })
      await removeAmounts(database, ({ kind }) => kind === 'key')
      assert.deepEqual((await readAmounts(database)).amounts, [sum])
    })

    it('adds up the amounts of several processes, in any order', async (t) => {
      const { database } = await start(t)
      const seen = new Map<string, number>()
      let revision = -1
      const read = async () => {
        const found = await readAmounts(database, revision)
        assert.ok(found.revision >= revision)
        revision = found.revision
        for (const { id, amount } of found.amounts) seen.set(id, amount)
      }
      await Promise.all(
        Array.from({ length: 8 }, async (_, at) => {
          const store = new UsageStore(database)
          for (let number = 1; number <= 5; number++) {
            const ids = Array.from({ length: 70 }, (_, id) => (id * 37 + at * 11 + number) % 70)
            const amounts = ids.map((id) => ({
              kind: 'key' as const,
              id: `key_${id}`,
              window: 'budget total ever calendar',
              bucket: 0,
              amount: 1,
            }))
            const rows = ids.slice(0, 5).map((id) => usageRow({ keyId: `key_${id}` }))
            await store.write({ writer: `a${at}`, number, atMs: 0, rows, amounts })
            await read()
          }
        }),
      )
      await read()
      assert.deepEqual([...new Set(seen.values())], [40], 'what readers have seen step by step')
      assert.equal(seen.size, 70)
      assert.equal(revision, 40)
    })

    it('adds the rows of several processes without losing or waiting for one', async (t) => {
      const { database, ask } = await start(t)
      const writers = Array.from({ length: 8 }, (_, at) => ({
        writer: `w${at}`,
        store: new UsageStore(database),
      }))
      await Promise.all(
        writers.map(async ({ writer, store }, at) => {
          for (let number = 1; number <= 5; number++) {
            const models = ['a', 'b', 'c', 'd', `own${at}`]
            const rows = models.map((model) => usageRow({ model })).sort(() => (number + at) % 2 || -1)
            await store.write({ writer, number, atMs: 0, rows, amounts: [] })
          }
        }),
      )
      assert.equal((await ask()).total.requests, 8 * 5 * 5)
      assert.equal((await ask({ filter: { model: 'a' } })).total.requests, 40)
    })

    it('takes less than 200 bytes of disk for a row of an hour, whatever its names are', async (t) => {
      const { database, write } = await start(t)
      const hours = 24
      const subjects = 400
      const bytes = async () => {
        const [row] = await database.all(
          database.dialect === 'sqlite'
            ? 'SELECT page_count * page_size AS bytes FROM pragma_page_count(), pragma_page_size()'
            : `SELECT pg_total_relation_size('olla_usage') AS bytes`,
        )
        return Number(row?.bytes)
      }
      const long = 'x'.repeat(120)
      const rowsOf = (hour: number) =>
        Array.from({ length: subjects }, (_, number) =>
          usageRow({
            hour: firstHour + hour,
            keyId: `key_${number}`,
            keyName: long,
            owner: long,
            model: long,
          }),
        )
      // The names of each subject are there once, in the first hour.
      await write(rowsOf(0))
      const before = await bytes()
      for (let hour = 1; hour < hours; hour++) await write(rowsOf(hour))
      const perRow = ((await bytes()) - before) / ((hours - 1) * subjects)
      assert.ok(perRow > 20 && perRow < 200, `${perRow} bytes for each row`)
      const [count] = await database.all('SELECT COUNT(*) AS rows FROM olla_usage_subjects')
      assert.equal(Number(count?.rows), subjects)
    })

    it('groups, filters and divides by time', async (t) => {
      const { write, ask } = await start(t)
      await write([
        usageRow({ hour: firstHour + 1 }),
        usageRow({ hour: firstHour + 2, keyId: 'key_2', keyName: 'two', owner: '', team: 'web' }),
        usageRow({ hour: firstHour + 25, endpoint: 'cpu' }),
        usageRow({ hour: firstHour + 49 }),
      ])
      const requestsOf = async (query: Partial<UsageQuery>) => (await ask(query)).total.requests
      assert.equal(await requestsOf({ filter: { key: 'ci' } }), 3)
      assert.equal(await requestsOf({ filter: { key: 'key_2' } }), 1)
      assert.equal(await requestsOf({ filter: { team: 'ml', endpoint: 'cpu' } }), 1)
      assert.equal(await requestsOf({ filter: { team: 'unknown' } }), 0)
      assert.equal(await requestsOf({ sinceMs: (firstHour + 2) * hourMs }), 3)
      assert.equal(
        await requestsOf({ sinceMs: (firstHour + 2) * hourMs, untilMs: (firstHour + 49) * hourMs }),
        2,
      )
      const days = await ask({ interval: 'day', by: ['team'], sinceMs: (firstHour + 1) * hourMs })
      assert.deepEqual(
        days.rows.map(({ atMs, team, requests }) => [Number(atMs) / hourMs - firstHour, team, requests]),
        [
          [0, 'ml', 1],
          [0, 'web', 1],
          [24, 'ml', 1],
          [48, 'ml', 1],
        ],
      )
      const hours = await ask({ interval: 'hour' })
      assert.deepEqual(
        hours.rows.map(({ atMs }) => Number(atMs) / hourMs - firstHour),
        [1, 2, 25, 49],
      )
      const first = await ask({ interval: 'hour', limit: 3 })
      assert.equal(first.rows.length, 3)
      const second = await ask({ interval: 'hour', limit: 3, after: first.next })
      assert.deepEqual([second.rows.length, second.next], [1, undefined])
      assert.deepEqual(second.total, first.total)
    })

    it('answers from days where hours have been removed, and removes what is not used', async (t) => {
      const { database, store, write, ask } = await start(t)
      await write([usageRow({ hour: firstHour + 1, model: 'old' }), usageRow({ hour: firstHour + 60 })])
      assert.equal(await store.removeBefore('olla_usage', firstHour + 48, () => false), true)
      const kept = (firstHour + 48) * hourMs
      assert.equal(
        (await ask({ sinceMs: (firstHour + 2) * hourMs }, kept)).total.requests,
        2,
        'the whole day',
      )
      assert.equal((await ask({ interval: 'hour' }, kept)).total.requests, 1)
      await store.removeUnused(0)
      assert.equal((await database.all('SELECT id FROM olla_usage_subjects')).length, 2)
      let passes = 0
      assert.equal(await store.removeBefore('olla_usage_days', firstHour + 480, () => ++passes > 0), false)
      assert.equal(await store.removeBefore('olla_usage_days', firstHour + 480, () => false), true)
      await store.removeBefore('olla_usage', firstHour + 480, () => false)
      await store.removeBefore('olla_usage_blocks', firstHour + 480, () => false)
      assert.equal((await database.all('SELECT hour FROM olla_usage_blocks')).length, 2, 'a block ends later')
      await store.removeBefore('olla_usage_blocks', firstHour + 2 * 672, () => false)
      await store.removeUnused(0)
      assert.equal((await database.all('SELECT id FROM olla_usage_subjects')).length, 0)
      await write([usageRow({ model: 'old' })])
      assert.equal((await ask()).total.requests, 1)
    })
  })
}
