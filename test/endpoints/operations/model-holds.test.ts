import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ModelHolds } from '../../../src/endpoints/operations/model-holds.ts'
import { CoolDowns } from '../../../src/endpoints/resilience/cool-down.ts'
import { ModelStates } from '../../../src/endpoints/resilience/model-states.ts'
import { ModelTable } from '../../../src/endpoints/resilience/model-table.ts'
import { FakeClock } from '../../support/fake-clock.ts'

describe('ModelHolds', () => {
  it('pauses one model of one endpoint until it is released, and not longer if nothing renews it', async () => {
    const clock = new FakeClock()
    await clock.advance(1_000)
    const table = new ModelTable(8, 4)
    const coolDowns = new CoolDowns(clock, new Float64Array(4), { models: new ModelStates(table, clock) })
    const leftMs = (slot: number, nativeModel: string) =>
      coolDowns.leftMs({ endpoint: { slot }, nativeModel })
    const release = new ModelHolds(clock, table).hold(1, 'a')
    assert.ok(leftMs(1, 'a') > 0)
    assert.deepEqual([leftMs(1, 'b'), leftMs(0, 'a')], [0, 0])
    await clock.advance(60_000)
    assert.ok(leftMs(1, 'a') > 0 && leftMs(1, 'a') < 1_000)
    release()
    assert.equal(leftMs(1, 'a'), 0)
    assert.equal(clock.armed, 0)
    // A pause that an endpoint asked for outlasts the hold.
    coolDowns.set({ endpoint: { slot: 1 }, nativeModel: 'a' }, 20_000)
    new ModelHolds(clock, table).hold(1, 'a')()
    assert.ok(leftMs(1, 'a') > 19_000)
  })

  it('does nothing without a free row', () => {
    const clock = new FakeClock()
    const table = new ModelTable(1, 4)
    const holds = new ModelHolds(clock, table)
    holds.hold(0, 'a')
    holds.hold(0, 'b')()
    assert.equal(clock.armed, 1)
  })
})
