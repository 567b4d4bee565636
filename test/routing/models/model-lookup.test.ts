import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ModelCatalog } from '../../../src/endpoints/discovery/catalog.ts'
import { ModelLookup } from '../../../src/routing/models/model-lookup.ts'
import { endpoint } from '../../observe/stats/fixtures.ts'
import { createRegistry } from '../../support/registry.ts'

function createLookup() {
  const { clock, registry } = createRegistry([
    endpoint({ slot: 0, profile: undefined }),
    endpoint({ slot: 1, profile: undefined }),
  ])
  registry.setStatus(0, 'healthy', '')
  const asked: number[] = []
  const pending: ((isRead: boolean) => void)[] = []
  const look = new ModelLookup({
    clock,
    registry,
    catalog: new ModelCatalog(),
    discovery: {
      isRunning: true,
      record: () => ({ lastSeenMs: undefined, consecutiveFailures: 0, lastError: undefined }),
      refresh(slot) {
        asked.push(slot)
        return new Promise((resolve) => pending.push(resolve))
      },
    },
  })
  const finish = () => {
    for (const resolve of pending.splice(0)) resolve(true)
  }
  return { clock, registry, look, asked, finish }
}

describe('the lookup of an unknown model', () => {
  it('reads the lists of routable endpoints, once for all waiting requests', async () => {
    const { look, asked, finish } = createLookup()
    const waits = [look.forUnknown(1_000), look.forUnknown(1_000)]
    assert.deepEqual(asked, [0])
    finish()
    await Promise.all(waits)
  })

  it('is not repeated within two seconds, so that invented names cause no load', async () => {
    const { clock, look, asked, finish } = createLookup()
    const first = look.forUnknown(1_000)
    finish()
    await first
    assert.equal(look.forUnknown(1_000), undefined)
    await clock.advance(2_001)
    assert.notEqual(look.forUnknown(1_000), undefined)
    assert.deepEqual(asked, [0, 0])
  })

  it('delays a request no longer than its limit', async () => {
    const { clock, look } = createLookup()
    const wait = look.forUnknown(500)
    await clock.advance(501)
    await wait
  })
})
