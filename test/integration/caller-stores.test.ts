import assert from 'node:assert/strict'
import { stat, writeFile } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { describe, it, type TestContext } from 'node:test'
import { createKey } from '../../src/callers/keys/key-text.ts'
import { adminOf, bearer, callersSecret, configuredKey, storeFile } from '../support/callers.ts'
import { startGateway } from '../support/gateway.ts'
import { startPostgres, whyNoPostgres } from '../support/postgres.ts'
import { eventually } from '../support/simulator.ts'

const postgres = whyNoPostgres === undefined ? await startPostgres() : undefined

const statusOf = async (url: string, key: string) =>
  (await fetch(`${url}/v1/models`, { headers: bearer(key) })).status

async function start(t: TestContext, callers: Record<string, unknown>) {
  const { url, close } = await startGateway(t, [], { callers: { refresh_interval: '50ms', ...callers } })
  return { url, close, admin: adminOf(url) }
}

describe('a store that is away', { skip: whyNoPostgres ?? false }, () => {
  it('keeps known keys working, calls no unknown one wrong, and heals alone', async (t) => {
    const store = (await postgres?.createSchema()) ?? ''
    const { url, admin } = await start(t, { store, secret: callersSecret })
    const other = await start(t, { store, secret: callersSecret })
    const key = String((await admin('POST', '/keys', { name: 'ci' })).body.key)
    await eventually(async () => (await statusOf(other.url, key)) === 200)
    assert.equal(await statusOf(url, createKey()), 401)

    await postgres?.stop()
    await eventually(async () => (await statusOf(url, createKey())) === 503)
    assert.equal(await statusOf(url, key), 200)
    const refused = await fetch(`${url}/v1/models`, { headers: bearer(createKey()) })
    assert.ok(Number(refused.headers.get('retry-after')) >= 1)
    const created = await admin('POST', '/keys', { name: 'later' })
    assert.equal(created.status, 503)
    assert.ok(!created.text.includes('127.0.0.1'), created.text)

    await postgres?.start()
    await eventually(async () => (await statusOf(url, createKey())) === 401)
    const later = String((await admin('POST', '/keys', { name: 'later' })).body.key)
    assert.equal(await statusOf(url, later), 200)
    await eventually(async () => (await statusOf(other.url, later)) === 200)
    await admin('DELETE', '/keys/ci')
    await eventually(async () => (await statusOf(other.url, key)) === 401)
  })

  it('at the start lets keys of the configuration in, and others once it is there', async (t) => {
    const store = (await postgres?.createSchema()) ?? ''
    const own = configuredKey('own')
    const callers = { store, secret: callersSecret, keys: [own.entry] }
    const first = await start(t, callers)
    const key = String((await first.admin('POST', '/keys', { name: 'ci' })).body.key)
    await first.close()
    await postgres?.stop()
    const { url, admin } = await start(t, callers)
    const ready = async () => (await (await fetch(`${url}/internal/ready`)).json()) as { reason: string }
    assert.deepEqual([await statusOf(url, own.key), await statusOf(url, key)], [200, 503])
    assert.equal((await admin('GET', '/keys')).status, 503)
    assert.match((await ready()).reason, /no endpoints|store of callers has not been read/)
    await postgres?.start()
    await eventually(async () => (await statusOf(url, key)) === 200)
    assert.deepEqual([await statusOf(url, own.key), await statusOf(url, createKey())], [200, 401])
    assert.equal((await admin('POST', '/keys', { name: 'later' })).status, 201)
  })

  it('that cannot be used stops the start, with a reason and without a password', async (t) => {
    const schema = (await postgres?.createSchema()) ?? ''
    const store = schema.replace('gateway@', 'gateway:hunter2@').replace('/postgres?', '/nothing?')
    await assert.rejects(start(t, { store, secret: callersSecret }), (error) => {
      assert.ok(error instanceof Error)
      assert.match(error.message, /callers\.store postgres:\/\/127\.0\.0\.1:\d+\/nothing cannot be used/)
      assert.ok(!error.message.includes('hunter2'))
      return true
    })
  })
})

describe('a SQLite store', () => {
  it('is read as a whole by a gateway that has missed too many changes', async (t) => {
    const store = await storeFile()
    const own = configuredKey('own')
    const { url, admin } = await start(t, { store, secret: callersSecret, keys: [own.entry] })
    const key = String((await admin('POST', '/keys', { name: 'ci' })).body.key)
    assert.equal(await statusOf(url, key), 200)
    const database = new DatabaseSync(store)
    database.exec(`BEGIN; DELETE FROM olla_keys; UPDATE olla_schema SET revision = revision + 200000; COMMIT`)
    database.close()
    await eventually(async () => (await statusOf(url, key)) === 401)
    assert.equal(await statusOf(url, own.key), 200)
  })

  it('and its secret belong to their owner only', async (t) => {
    const store = await storeFile()
    const { admin } = await start(t, { store })
    await admin('POST', '/keys', { name: 'ci' })
    for (const file of [store, `${store}.secret`, `${store}-wal`])
      assert.equal((await stat(file)).mode & 0o077, 0, file)
  })

  it('of another secret, of a newer version or of another kind stops the start', async (t) => {
    const store = await storeFile()
    await (await start(t, { store, secret: callersSecret })).close()
    await assert.rejects(start(t, { store, secret: 'x'.repeat(32) }), /hashed with another callers\.secret/)
    const database = new DatabaseSync(store)
    database.exec('UPDATE olla_schema SET version = 99')
    database.close()
    await assert.rejects(
      start(t, { store, secret: callersSecret }),
      /version 99, and this gateway knows versions up to/,
    )
    const file = await storeFile()
    await writeFile(file, 'this is no database, but a text of some length')
    await assert.rejects(
      start(t, { store: file }),
      /callers\.store .* cannot be used: file is not a database/,
    )
  })
})
