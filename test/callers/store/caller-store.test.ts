import assert from 'node:assert/strict'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { noLimits, noPolicy } from '../../../src/callers/contract/defaults.ts'
import { CallerStore } from '../../../src/callers/store/caller-store.ts'
import { type AuditEntry, NameTakenError } from '../../../src/callers/store/contract.ts'
import type { Database } from '../../../src/callers/store/database.ts'
import { migrate, migrations, StoreError } from '../../../src/callers/store/migrations.ts'
import { openPostgres } from '../../../src/callers/store/postgres-database.ts'
import { openSqlite } from '../../../src/callers/store/sqlite-database.ts'
import { startPostgres, whyNoPostgres } from '../../support/postgres.ts'
import { keyRecord, ownerRecord, teamRecord } from '../records.ts'

const atMs = 1_800_000_000_000
const secretCheck = 'check'
const postgres = whyNoPostgres === undefined ? await startPostgres() : undefined

/** Opens the same database several times. */
type Place = () => Promise<Database>

const kinds: readonly { name: string; skip: string | undefined; place: () => Promise<Place> }[] = [
  {
    name: 'SQLite',
    skip: undefined,
    async place() {
      const file = join(await mkdtemp(join(tmpdir(), 'olla-store-')), 'data', 'callers.db')
      return async () => openSqlite(file)
    },
  },
  {
    name: 'PostgreSQL',
    skip: whyNoPostgres,
    async place() {
      const url = (await postgres?.createSchema()) ?? ''
      return () => openPostgres(url, { onError: (error) => assert.fail(error) })
    },
  },
]

for (const { name, skip, place } of kinds) {
  describe(`the store in ${name}`, skip === undefined ? {} : { skip }, () => {
    async function open(t: TestContext): Promise<{ store: CallerStore; place: Place }> {
      const opened = await place()
      return { store: await another(t, opened), place: opened }
    }
    async function another(t: TestContext, at: Place): Promise<CallerStore> {
      const database = await at()
      t.after(() => database.close())
      await migrate(database, { secretCheck })
      return new CallerStore(database)
    }

    it('returns what it was given', async (t) => {
      const { store } = await open(t)
      const key = keyRecord({
        owner: 'ann',
        team: 'ml',
        expiresAtMs: atMs + 1,
        metadata: { ticket: 'OPS-1', note: 'it\'s "quoted"' },
        policy: {
          ...noPolicy,
          models: { include: ['llama*'], exclude: [] },
          defaults: { stop: ['a', null] },
        },
        limits: {
          ...noLimits,
          budgets: [{ amount: 1.5, unit: 'money', period: 'month', window: 'calendar', soft: 0.8 }],
        },
      })
      const team = teamRecord({ enabled: false })
      const owner = ownerRecord({ metadata: { mail: 'ann@example.com' } })
      await store.createKey(key, 'hash', audit('create', 'key', key.id))
      await store.putTeam(team, audit('create', 'team', team.name))
      await store.putOwner(owner, audit('create', 'owner', owner.name))
      assert.deepEqual(await store.load(atMs), {
        revision: 3,
        keys: [key],
        hashes: [{ hash: 'hash', keyId: key.id, endsAtMs: undefined }],
        teams: [team],
        owners: [owner],
      })
    })

    it('gives each name to one key', async (t) => {
      const { store } = await open(t)
      await store.createKey(keyRecord(), 'a', audit('create', 'key', 'key_1'))
      const second = keyRecord({ id: 'key_2' })
      await assert.rejects(store.createKey(second, 'b', audit('create', 'key', 'key_2')), NameTakenError)
      await store.createKey({ ...second, name: 'other' }, 'b', audit('create', 'key', 'key_2'))
      await assert.rejects(store.updateKey(second, audit('update', 'key', 'key_2')), NameTakenError)
      assert.equal(await store.revision(), 2, 'a refused change takes no revision')
    })

    it('reports what another process has changed since a revision', async (t) => {
      const { store, place: at } = await open(t)
      const other = await another(t, at)
      await store.createKey(keyRecord(), 'a', audit('create', 'key', 'key_1'))
      await store.createKey(keyRecord({ id: 'key_2', name: 'two' }), 'b', audit('create', 'key', 'key_2'))
      await store.putTeam(teamRecord(), audit('create', 'team', 'ml'))
      const since = await other.revision()
      await store.updateKey(
        keyRecord({ enabled: false, updatedAtMs: atMs + 5 }),
        audit('update', 'key', 'key_1'),
      )
      assert.equal(await store.deleteKey('key_2', audit('delete', 'key', 'key_2')), true)
      assert.equal(await store.deleteTeam('ml', audit('delete', 'team', 'ml')), true)
      await store.putTeam(teamRecord({ name: 'new' }), audit('create', 'team', 'new'))
      assert.equal(await store.deleteKey('key_2', audit('delete', 'key', 'key_2')), false)
      const changes = await other.changes(since, atMs)
      assert.deepEqual(changes, {
        revision: since + 4,
        isWhole: false,
        keys: [keyRecord({ enabled: false, updatedAtMs: atMs + 5 })],
        hashes: [{ hash: 'a', keyId: 'key_1', endsAtMs: undefined }],
        teams: [teamRecord({ name: 'new' })],
        owners: [],
        deletedKeys: ['key_2'],
        deletedTeams: ['ml'],
        deletedOwners: [],
      })
    })

    it('reports everything if the changes since a revision are no longer known', async (t) => {
      const { store } = await open(t)
      const { database } = store
      await store.createKey(keyRecord(), 'a', audit('create', 'key', 'key_1'))
      await store.createKey(keyRecord({ id: 'key_2', name: 'two' }), 'b', audit('create', 'key', 'key_2'))
      const since = await store.revision()
      const readFrom = async (seen: number) => {
        const { isWhole, keys, deletedKeys } = await store.changes(seen, atMs)
        return [isWhole, keys.map(({ id }) => id), deletedKeys]
      }
      await store.deleteKey('key_2', audit('delete', 'key', 'key_2'))
      assert.deepEqual(await readFrom(since), [false, [], ['key_2']])
      // A hundred thousand changes later, deletions are forgotten.
      await database.all('UPDATE olla_schema SET revision = revision + 99999')
      assert.deepEqual(await readFrom(since), [false, [], ['key_2']])
      await database.all('UPDATE olla_schema SET revision = revision + 1')
      assert.deepEqual(await readFrom(since), [true, ['key_1'], []])
      // The database was restored from a backup.
      assert.deepEqual(await readFrom((await store.revision()) + 1), [true, ['key_1'], []])
    })

    it('rotates a key: the secret before is accepted until its end', async (t) => {
      const { store } = await open(t)
      await store.createKey(keyRecord(), 'a', audit('create', 'key', 'key_1'))
      const rotate = (hash: string, endAtMs: number, nowMs: number) =>
        store.rotateKey(
          'key_1',
          { hash, hint: hash, previousEndAtMs: endAtMs },
          { ...audit('rotate', 'key', 'key_1'), atMs: nowMs },
        )
      assert.equal(await rotate('b', atMs + 1_000, atMs), true)
      const hashesAt = async (nowMs: number) =>
        (await store.load(nowMs)).hashes.map(({ hash, endsAtMs }) => [hash, endsAtMs]).sort()
      assert.deepEqual(await hashesAt(atMs), [
        ['a', atMs + 1_000],
        ['b', undefined],
      ])
      assert.deepEqual(await hashesAt(atMs + 1_000), [['b', undefined]])
      // A later end does not extend the first.
      await rotate('c', atMs + 5_000, atMs + 100)
      assert.deepEqual(await hashesAt(atMs + 100), [
        ['a', atMs + 1_000],
        ['b', atMs + 5_000],
        ['c', undefined],
      ])
      assert.equal((await store.load(atMs)).keys[0]?.hint, 'c')
      const missing = { hash: 'x', hint: 'x', previousEndAtMs: 0 }
      assert.equal(await store.rotateKey('key_9', missing, audit('rotate', 'key', 'key_9')), false)
    })

    it('keeps an audit entry of each change, with names of fields and no values', async (t) => {
      const { store } = await open(t)
      await store.createKey(keyRecord(), 'secret-hash', audit('create', 'key', 'key_1', ['name', 'limits']))
      await store.deleteKey('key_1', audit('delete', 'key', 'key_1'))
      const rows = await store.audit(10)
      assert.deepEqual(
        rows.map(({ revision, action, subject, fields }) => [revision, action, subject, fields]),
        [
          [2, 'delete', 'key_1', []],
          [1, 'create', 'key_1', ['name', 'limits']],
        ],
      )
      assert.deepEqual(
        (await store.audit(10, 2)).map(({ revision }) => revision),
        [1],
      )
      assert.ok(!JSON.stringify(rows).includes('secret-hash'))
    })

    it('numbers changes of many writers without a gap', async (t) => {
      const { store, place: at } = await open(t)
      const stores = [store, await another(t, at)]
      const ids = Array.from({ length: 40 }, (_, number) => `key_${number}`)
      await Promise.all(
        ids.map((id, number) =>
          stores[number % 2]?.createKey(keyRecord({ id, name: id }), `h${id}`, audit('create', 'key', id)),
        ),
      )
      const { keys, revision } = await store.load(atMs)
      assert.equal(revision, ids.length)
      assert.deepEqual(keys.map(({ id }) => id).sort(), [...ids].sort())
      const revisions = (await store.audit(100)).map((row) => row.revision)
      assert.deepEqual(
        revisions,
        ids.map((_, number) => ids.length - number),
      )
    })

    it('brings tables to the current version once, also when two gateways start together', async (t) => {
      const at = await place()
      const databases = await Promise.all([at(), at(), at()])
      t.after(() => Promise.all(databases.map((database) => database.close())))
      await Promise.all(databases.map((database) => migrate(database, { secretCheck })))
      const next = [...migrations, ['ALTER TABLE olla_keys ADD COLUMN later TEXT']]
      await Promise.all(databases.map((database) => migrate(database, { secretCheck, versions: next })))
      const [row] = (await databases[0]?.all('SELECT version, revision FROM olla_schema')) ?? []
      assert.deepEqual({ ...row }, { version: next.length, revision: 0 })
    })

    it('refuses tables of a newer version, and leaves them alone', async (t) => {
      const database = await (await place())()
      t.after(() => database.close())
      await migrate(database, {
        secretCheck,
        versions: [...migrations, ['CREATE TABLE olla_later (id INTEGER)']],
      })
      await assert.rejects(migrate(database, { secretCheck }), (error) => {
        assert.ok(error instanceof StoreError)
        assert.match(
          error.message,
          new RegExp(
            `version ${migrations.length + 1}, and this gateway knows versions up to ${migrations.length}:`,
          ),
        )
        return true
      })
      const [row] = await database.all('SELECT version FROM olla_schema')
      assert.equal(row?.version, migrations.length + 1)
    })

    it('refuses the secret of another store', async (t) => {
      const { place: at } = await open(t)
      const database = await at()
      t.after(() => database.close())
      await assert.rejects(migrate(database, { secretCheck: 'other' }), /hashed with another callers\.secret/)
    })

    it('leaves nothing of a transaction that fails', async (t) => {
      const database = await (await place())()
      t.after(() => database.close())
      await migrate(database, { secretCheck })
      const work = database.transaction(async (statements) => {
        await statements.all("INSERT INTO olla_deleted (kind, id, revision) VALUES ('key', 'a', 1)")
        throw new Error('stop')
      })
      await assert.rejects(work, /stop/)
      assert.deepEqual(await database.all('SELECT * FROM olla_deleted'), [])
    })
  })
}

function audit(
  action: AuditEntry['action'],
  kind: AuditEntry['kind'],
  subject: string,
  fields: readonly string[] = [],
): AuditEntry {
  return { atMs, actor: 'test', action, kind, subject, fields }
}
