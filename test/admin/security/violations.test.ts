import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { violationCells } from '../../../src/admin/security/limit-cells.ts'
import { Violations } from '../../../src/admin/security/violations.ts'
import { SharedState } from '../../../src/runtime/cells/shared-state.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { threadStates } from '../../support/threads.ts'

describe('violations', () => {
  it('are counted on all threads together', async () => {
    const clock = new FakeClock()
    const [first, second] = threadStates(2).map((state) => new Violations(clock, state.of(violationCells)))
    assert.ok(first !== undefined && second !== undefined)
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
    const violations = new Violations(new FakeClock(), new SharedState().of(violationCells))
    for (let client = 0; client < 11; client++) violations.rateLimited(`10.0.0.${client}`)
    assert.equal(violations.status, 'elevated')
    const sizes = new Violations(new FakeClock(), new SharedState().of(violationCells))
    for (let refusal = 0; refusal < 101; refusal++) sizes.sizeLimited()
    assert.equal(sizes.status, 'elevated')
  })
})
