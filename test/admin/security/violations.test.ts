import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Violations } from '../../../src/admin/security/violations.ts'
import { GatewayCells } from '../../../src/runtime/cells/cells.ts'
import { SharedBlocks } from '../../../src/runtime/cells/shared-blocks.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const capacity = { endpoints: 1, models: 2, placements: 1 }

describe('violations', () => {
  it('are counted on all threads together', async () => {
    const clock = new FakeClock()
    const cells = new GatewayCells(capacity, new SharedBlocks(2, 0))
    const first = new Violations(clock, cells)
    const second = new Violations(clock, new GatewayCells(capacity, new SharedBlocks(2, 1, cells.blocks)))
    first.rateLimited('10.0.0.1')
    second.rateLimited('10.0.0.1')
    second.rateLimited('10.0.0.2')
    second.sizeLimited()
    assert.deepEqual([first.rateLimits, first.sizeLimits, first.limitedClients], [3, 1, 2])
    assert.equal(second.limitedClients, 2)
    assert.equal(first.status, 'normal')
    await clock.advance(3_610_000)
    assert.deepEqual([first.rateLimits, first.limitedClients], [3, 0])
  })

  it('are elevated by many refusals or many clients', () => {
    const violations = new Violations(new FakeClock(), new GatewayCells(capacity))
    for (let client = 0; client < 11; client++) violations.rateLimited(`10.0.0.${client}`)
    assert.equal(violations.status, 'elevated')
    const sizes = new Violations(new FakeClock(), new GatewayCells(capacity))
    for (let refusal = 0; refusal < 101; refusal++) sizes.sizeLimited()
    assert.equal(sizes.status, 'elevated')
  })
})
