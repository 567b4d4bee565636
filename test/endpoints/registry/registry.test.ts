import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ProfileStore } from '../../../src/endpoints/profiles/profile-store.ts'
import { statusCells } from '../../../src/endpoints/registry/status-cells.ts'
import { profilesFolder } from '../../../src/kernel/package.ts'
import { endpoint } from '../../observe/stats/fixtures.ts'
import { createRegistry, delivered } from '../../support/registry.ts'

describe('EndpointRegistry', () => {
  it('reports unknown before the first probe', () => {
    const { registry, clock } = createRegistry([endpoint()])
    assert.deepEqual(registry.statusDetail(0), {
      status: 'unknown',
      reason: 'not probed yet',
      sinceMs: clock.nowMs(),
    })
    assert.equal(registry.isRoutable(0), false)
    assert.equal(registry.share(0), 0)
  })

  it('reports what changed, why and since when, once per change', async () => {
    const { registry, clock, transitions } = createRegistry([endpoint({ name: 'a' })])
    registry.setStatus(0, 'healthy', 'probe answered')
    const sinceMs = clock.nowMs()
    await clock.advance(1000)
    registry.setStatus(0, 'healthy', 'probe answered again')
    assert.deepEqual(registry.statusDetail(0), {
      status: 'healthy',
      reason: 'probe answered again',
      sinceMs,
    })
    assert.equal(registry.statusVersion, 1)
    registry.setStatus(0, 'offline', 'connection refused')
    assert.equal(registry.statusVersion, 2)
    assert.equal(registry.statusDetail(0).sinceMs, sinceMs + 1000)
    await delivered()
    assert.deepEqual(transitions, ['a: unknown > healthy', 'a: healthy > offline'])
  })

  it('shares the status between all holders of the cells', () => {
    const { registry, state } = createRegistry([endpoint()])
    const cells = state.of(statusCells)
    registry.setStatus(0, 'busy', 'slow')
    assert.notEqual(Atomics.load(cells.status, 0), 0)
    Atomics.store(cells.status, 0, 0)
    assert.equal(registry.status(0), 'unknown')
  })

  it('counts the routable ones', () => {
    const { registry } = createRegistry([0, 1, 2, 3].map((slot) => endpoint({ slot })))
    registry.setStatus(0, 'healthy', '')
    registry.setStatus(1, 'warming', '')
    registry.setStatus(2, 'rate_limited', '')
    assert.equal(registry.routableCount(), 2)
    registry.setStatus(3, 'busy', '')
    assert.equal(registry.routableCount(), 3)
  })

  it('raises the share of a warming endpoint over the slow start', async () => {
    const { registry, clock } = createRegistry([endpoint()], { slowStartMs: 10_000 })
    registry.setStatus(0, 'warming', 'recovered')
    const shares = [registry.share(0)]
    for (let step = 0; step < 4; step++) {
      await clock.advance(2500)
      shares.push(registry.share(0))
    }
    assert.deepEqual(
      shares.map((share) => Number(share.toFixed(4))),
      [0.1, 0.325, 0.55, 0.775, 1],
    )
    await clock.advance(60_000)
    assert.equal(registry.share(0), 1)
  })

  it('gives a detected endpoint the paths of its profile in a new snapshot, except configured ones', () => {
    const profile = new ProfileStore({ builtIn: profilesFolder }).get('ollama')
    assert.ok(profile !== undefined)
    const own = 'http://monitor.test/health'
    const { registry } = createRegistry([
      endpoint({ slot: 0, name: 'a', type: 'auto' }),
      endpoint({ slot: 1, name: 'b', type: 'auto', healthUrl: own, ownHealthUrl: true }),
    ])
    const before = registry.snapshot
    registry.setProfile(0, profile)
    registry.setProfile(1, profile)
    const after = registry.snapshot
    assert.equal(before.bySlot[0]?.profile, undefined)
    assert.equal(after.version, before.version + 2)
    assert.equal(after.byName.get('a')?.profile, profile)
    assert.equal(after.byName.get('a')?.modelUrl, `${after.bySlot[0]?.url}${profile.modelDiscoveryPath}`)
    assert.equal(after.bySlot[0]?.healthUrl, `${after.bySlot[0]?.url}${profile.healthCheckPath}`)
    assert.equal(after.bySlot[1]?.healthUrl, own)
    assert.equal(after.bySlot[1]?.modelUrl, `${after.bySlot[1]?.url}${profile.modelDiscoveryPath}`)
  })

  it('accepts reloaded secrets, and keeps their header names from clients', () => {
    const { registry } = createRegistry([endpoint({ headers: ['Authorization', 'Bearer old'] })])
    registry.replaceHeaders(0, ['X-Api-Key', 'new'])
    assert.deepEqual(registry.snapshot.bySlot[0]?.headers, ['X-Api-Key', 'new'])
    assert.deepEqual([...(registry.snapshot.bySlot[0]?.secretHeaderNames ?? [])], ['x-api-key'])
  })

  it('rejects more endpoints than there are cells', () => {
    assert.throws(
      () => createRegistry(Array.from({ length: 9 }, (_, slot) => endpoint({ slot }))),
      new RangeError('9 endpoints are configured, but there is room for 8'),
    )
  })
})
