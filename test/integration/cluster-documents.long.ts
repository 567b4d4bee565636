import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { openNodeRedis } from '../../src/cluster/connection/node-redis.ts'
import type { DocumentLimits } from '../../src/cluster/contract/documents.ts'
import { DocumentDesk } from '../../src/cluster/documents/document-desk.ts'
import { SideLink } from '../../src/cluster/documents/side-link.ts'
import { fleetKeys } from '../../src/cluster/scripts/keys.ts'
import { readSections } from '../../src/config/options/sections.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { startRedis, whyNoRedis } from '../support/redis.ts'
import { nextPrefix } from '../support/replicas.ts'
import { eventually } from '../support/simulator.ts'

const skip = whyNoRedis ?? false
const query = (id: string, by: 'id' | 'item' = 'id') => ({ by, id, mayBeNew: false })

describe('documents of several replicas', { skip }, async () => {
  const redis = skip === false ? await startRedis() : undefined
  if (redis === undefined) return

  async function start(t: TestContext, limits: Partial<DocumentLimits> = {}) {
    const keys = fleetKeys(nextPrefix())
    const { cluster } = readSections({ cluster: { redis: redis?.url ?? '' } }, ['cluster'])
    const open = await openNodeRedis(cluster)
    const link = new SideLink({ clock: systemClock, open, retryIntervalMs: 50 })
    link.joined()
    t.after(() => link.stop())
    const desk = new DocumentDesk({
      clock: systemClock,
      cluster: { id: 'a', keys, state: 'joined' },
      link,
      limits: { maxDocuments: 100, maxBytes: 1_000_000, ttlMs: 60_000, ...limits },
      onReturn: () => undefined,
    })
    await eventually(async () => (await desk.read(query('nothing'))).kind === 'none')
    const has = async (id: string) => (await desk.read(query(id))).kind === 'found'
    return { desk, link, keys, has }
  }

  it('are read by ID and by item, and deleted once', async (t) => {
    const { desk, has } = await start(t)
    assert.equal(await desk.write({ id: 'a', text: 'Grüße 🎉', items: ['i1', 'i2'] }), 'kept')
    const found = await desk.read(query('i2', 'item'))
    assert.ok(found.kind === 'found')
    assert.deepEqual(found.document, { id: 'a', text: 'Grüße 🎉', version: 1 })
    assert.equal(await desk.delete('a'), true)
    assert.equal(await desk.delete('a'), false)
    assert.equal(await has('a'), false)
    assert.equal((await desk.read(query('i1', 'item'))).kind, 'none')
  })

  it('change only from the version that the writer has read', async (t) => {
    const { desk } = await start(t)
    assert.equal(await desk.write({ id: 'c', text: '1', items: [], after: 0 }), 'kept')
    assert.equal(await desk.write({ id: 'c', text: 'other', items: [], after: 0 }), 'conflict')
    const results = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        desk.write({ id: 'c', text: String(index), items: [], after: 1 }),
      ),
    )
    assert.deepEqual(results.filter((each) => each === 'kept').length, 1)
    assert.deepEqual(results.filter((each) => each === 'conflict').length, 9)
  })

  it('are bounded in number and in bytes: the least recently used goes', async (t) => {
    const few = await start(t, { maxDocuments: 3 })
    for (const id of ['a', 'b', 'c']) await few.desk.write({ id, text: id, items: [] })
    assert.equal(await few.has('a'), true)
    await few.desk.write({ id: 'd', text: 'd', items: [] })
    const kept = []
    for (const id of ['a', 'b', 'c', 'd']) if (await few.has(id)) kept.push(id)
    assert.deepEqual(kept, ['a', 'c', 'd'])

    const small = await start(t, { maxBytes: 10_000 })
    for (let index = 0; index < 50; index++)
      await small.desk.write({ id: `r${index}`, text: 'x'.repeat(1_000), items: [`i${index}`] })
    const texts = Number(/:(\d+)/.exec(await redis.command('HLEN', small.keys.documents[0]))?.[1])
    const items = Number(/:(\d+)/.exec(await redis.command('HLEN', small.keys.documents[3]))?.[1])
    assert.ok(texts >= 5 && texts <= 8, String(texts))
    assert.equal(items, texts)
    assert.equal(await small.has('r49'), true)
    assert.equal(await small.desk.write({ id: 'large', text: 'x'.repeat(20_000), items: [] }), 'full')
    assert.equal(await small.has('r49'), true)
  })

  it('expire when they are not used, and every key has a time to live', async (t) => {
    const { desk, keys, has } = await start(t, { ttlMs: 300 })
    await desk.write({ id: 'a', text: 'a', items: ['i'] })
    for (const key of keys.documents) {
      const ttl = Number(/:(-?\d+)/.exec(await redis.command('PTTL', key))?.[1])
      assert.ok(ttl > 0 && ttl <= 300, `${key}: ${ttl}`)
    }
    await eventually(async () => {
      const { kind } = await desk.read({ by: 'item', id: 'missing', mayBeNew: false })
      assert.equal(kind, 'none')
      return Number(/:(\d+)/.exec(await redis.command('EXISTS', keys.documents[0]))?.[1]) === 0
    })
    assert.equal(await has('a'), false)
    const forever = await start(t, { ttlMs: 0 })
    await forever.desk.write({ id: 'a', text: 'a', items: [] })
    const ttl = Number(/:(-?\d+)/.exec(await redis.command('PTTL', forever.keys.documents[0]))?.[1])
    assert.ok(ttl > 86_400_000, String(ttl))
  })

  it('start anew when the server has evicted one of their keys', async (t) => {
    const { desk, keys, has } = await start(t)
    await desk.write({ id: 'a', text: 'a', items: ['i'] })
    await redis.command('DEL', keys.documents[0])
    assert.equal(await has('a'), false)
    assert.equal(await desk.write({ id: 'b', text: 'b', items: ['i'] }), 'kept')
    assert.equal(await has('b'), true)
    assert.equal(Number(/:(\d+)/.exec(await redis.command('ZCARD', keys.documents[2]))?.[1]), 1)
  })

  it('give a turn to one replica, and take that of a dead one', async (t) => {
    const one = await start(t)
    const two = new DocumentDesk({
      clock: systemClock,
      cluster: { id: 'b', keys: one.keys, state: 'joined' },
      link: one.link,
      limits: { maxDocuments: 1, maxBytes: 1, ttlMs: 1 },
      onReturn: () => undefined,
    })
    const far = '99999999999999'
    await redis.command('ZADD', one.keys.alive, far, 'a', far, 'b')
    assert.equal(await one.desk.takeTurn('conversation'), true)
    assert.equal(await two.takeTurn('conversation'), false)
    assert.equal(await two.takeTurn('another'), true)
    one.desk.endTurn('conversation')
    await eventually(async () => (await two.takeTurn('conversation')) === true)
    assert.equal(await one.desk.takeTurn('conversation'), false)
    await redis.command('ZREM', one.keys.alive, 'b')
    assert.equal(await one.desk.takeTurn('conversation'), true)
  })
})
