import assert from 'node:assert/strict'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import type { Database } from '../../../src/callers/store/database.ts'
import { migrate } from '../../../src/callers/store/migrations.ts'
import { openPostgres } from '../../../src/callers/store/postgres-database.ts'
import { openSqlite } from '../../../src/callers/store/sqlite-database.ts'
import { KeptMessages } from '../../../src/callers/webhooks/kept-messages.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { startPostgres, whyNoPostgres } from '../../support/postgres.ts'
import { eventually } from '../../support/simulator.ts'

const postgres = whyNoPostgres === undefined ? await startPostgres() : undefined
const kinds: readonly { name: string; skip: string | undefined; open: () => Promise<Database> }[] = [
  {
    name: 'SQLite',
    skip: undefined,
    open: async () => openSqlite(join(await mkdtemp(join(tmpdir(), 'olla-kept-')), 'callers.db')),
  },
  {
    name: 'PostgreSQL',
    skip: whyNoPostgres,
    open: async () =>
      openPostgres((await postgres?.createSchema()) ?? '', { onError: (error) => assert.fail(error) }),
  },
]

const queued = (id: string, queuedAtMs = 1_800_000_000_000) => ({
  message: { id, body: Buffer.from(`{"data":"${id} ü"}`) },
  queuedAtMs,
})
const ids = (messages: readonly { message: { id: string } }[]) => messages.map(({ message }) => message.id)

for (const { name, skip, open } of kinds) {
  describe(`messages of webhooks in ${name}`, skip === undefined ? {} : { skip }, () => {
    async function start(t: TestContext) {
      const database = await open()
      t.after(() => database.close())
      await migrate(database, { secretCheck: 'check' })
      const clock = new FakeClock(1_800_000_000_000)
      const process = (holder: string) => new KeptMessages({ database, clock, holder })
      const count = async () =>
        Number((await database.all('SELECT COUNT(*) AS count FROM olla_webhook_messages'))[0]?.count)
      return { database, clock, process, count }
    }

    it('go to the next process when theirs stops, in their order, and are gone once they have arrived', async (t) => {
      const { process, count } = await start(t)
      const first = process('first')
      first.put('a', queued('two', 1_800_000_000_002))
      first.put('a', queued('one', 1_800_000_000_001))
      first.put('b', queued('other'))
      first.put('a', queued('arrived'))
      first.remove('a', 'arrived')
      assert.equal(await first.stop(), true)
      assert.equal(await count(), 3)
      const second = process('second')
      const taken = await second.take('a', true)
      assert.deepEqual(taken, [queued('one', 1_800_000_000_001), queued('two', 1_800_000_000_002)])
      second.remove('a', 'one')
      second.remove('a', 'two')
      assert.equal(await second.stop(), true)
      assert.deepEqual(ids(await process('third').take('a', true)), [])
      assert.deepEqual(ids(await process('third').take('b', true)), ['other'])
    })

    it('stay with a process that lives, and are taken from one that was killed', async (t) => {
      const { process, clock, count } = await start(t)
      const alive = process('alive')
      alive.put('a', queued('x'))
      await eventually(async () => (await count()) === 1)
      let renewals = 0
      alive.start(async () => {
        renewals++
      })
      const other = process('other')
      for (let minute = 1; minute <= 5; minute++) {
        await clock.advance(60_000)
        await eventually(() => renewals === minute)
        assert.deepEqual(ids(await other.take('a', false)), [])
      }
      // A restarted queue of the same process finds its own.
      assert.deepEqual(ids(await alive.take('a', true)), ['x'])
      await alive.stop()
      const killed = process('killed')
      assert.deepEqual(ids(await killed.take('a', false)), ['x'])
      assert.deepEqual(ids(await other.take('a', false)), [])
      await clock.advance(180_001)
      assert.deepEqual(ids(await other.take('a', false)), ['x'])
    })

    it('are written when the store is back, and forgotten after a day', async (t) => {
      const { database, clock, count } = await start(t)
      let isAway = true
      const faulty: Database = {
        dialect: database.dialect,
        all: async (sql, values) => {
          if (isAway) throw new Error('away')
          return database.all(sql, values)
        },
        transaction: (work) => database.transaction(work),
        close: async () => {},
      }
      const kept = new KeptMessages({ database: faulty, clock, holder: 'me' })
      let renewals = 0
      kept.start(async () => {
        renewals++
      })
      kept.put('a', queued('x'))
      kept.put('a', queued('y'))
      kept.remove('a', 'y')
      await clock.advance(60_000)
      assert.equal(await count(), 0)
      isAway = false
      await clock.advance(60_000)
      await eventually(() => renewals === 1)
      assert.deepEqual([await count(), renewals], [1, 1])
      await clock.advance(86_400_000)
      await eventually(async () => {
        await clock.advance(60_000)
        return (await count()) === 0
      })
      assert.equal(await kept.stop(), true)
      isAway = true
      kept.put('a', queued('z'))
      assert.equal(await kept.stop(), false)
    })
  })
}
