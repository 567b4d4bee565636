import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ModelCatalog } from '../../../src/endpoints/discovery/catalog.ts'
import { WakeLookup } from '../../../src/routing/models/wake-lookup.ts'
import { endpoint } from '../../observe/stats/fixtures.ts'
import { createRegistry } from '../../support/registry.ts'

const wake = { mac: 'a0b1c2d3e4f5', address: '127.0.0.1', port: 9, waitMs: 5_000, intervalMs: 1_000 }
const none = { tiers: [] }

function setUp() {
  const asleep = endpoint({ slot: 0, wake })
  const { clock, registry } = createRegistry([asleep, endpoint({ slot: 1 })])
  registry.setStatus(0, 'offline', 'test')
  const catalog = new ModelCatalog()
  const woken: number[] = []
  const lookup = new WakeLookup({ clock, registry, catalog, wake: (slot) => void woken.push(slot) })
  const list = () => catalog.update(asleep, [{ name: 'a', raw: {} }], 0)
  return { clock, registry, catalog, woken, lookup, list }
}

describe('WakeLookup', () => {
  it('waits until the machine has listed its models', async () => {
    const { clock, woken, lookup, list } = setUp()
    let isOver = false
    void lookup.forRejected(none, { model: 'a' }, undefined)?.then(() => {
      isOver = true
    })
    await clock.advance(2_000)
    assert.equal(isOver, false)
    assert.ok(woken.every((slot) => slot === 0) && woken.length > 0)
    list()
    await clock.advance(500)
    assert.equal(isOver, true)
    assert.equal(clock.armed, 0)
  })

  it('waits no longer than the endpoint allows, or until the gateway stops', async () => {
    const { clock, lookup } = setUp()
    const ended: string[] = []
    void lookup.forRejected(none, { model: 'a' }, undefined)?.then(() => ended.push('late'))
    await clock.advance(4_900)
    assert.equal(ended.join(), '')
    await clock.advance(500)
    assert.equal(ended.join(), 'late')
    void lookup.forRejected(none, { model: 'a' }, undefined)?.then(() => ended.push('stopped'))
    lookup.stop()
    await clock.advance(500)
    assert.equal(ended.join(), 'late,stopped')
    assert.equal(lookup.forRejected(none, { model: 'a' }, undefined), undefined)
  })

  it('wakes nothing that could not help', () => {
    const { registry, lookup, list } = setUp()
    const access = { allowsEndpoint: () => false }
    assert.equal(lookup.forRejected(none, { model: undefined }, undefined), undefined)
    assert.equal(lookup.forRejected(none, { model: 'a', identity: { access } }, undefined), undefined)
    registry.setService(0, 'drained', 'test')
    assert.equal(lookup.forRejected(none, { model: 'a' }, undefined), undefined)
    registry.setService(0, 'serving', 'test')
    // Its models are known, and this is none of them.
    list()
    assert.equal(lookup.forRejected(none, { model: 'b' }, undefined), undefined)
  })
})
