import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LossReports } from '../../src/cluster/membership/loss-reports.ts'

describe('reports after the server has lost its data', () => {
  it('are missing until each of the others has reported', () => {
    const reports = new LossReports('a')
    reports.begin('2', ['a', 'b', 'c'])
    assert.equal(reports.areMissing, true)
    assert.equal(reports.received('b', '2', '2'), false)
    assert.equal(reports.received('b', '2', '2'), false)
    assert.equal(reports.received('c', '2', '2'), true)
    assert.equal(reports.areMissing, false)
  })

  it('count if they arrive before this replica knows of the loss, and not if they are of an earlier one', () => {
    const reports = new LossReports('a')
    reports.received('b', '2', '1')
    reports.received('c', '1', '1')
    reports.begin('2', ['a', 'b', 'c'])
    assert.equal(reports.received('c', '2', '2'), true)
  })

  it('are not waited for without others, or any more', () => {
    const reports = new LossReports('a')
    reports.begin('2', ['a'])
    assert.equal(reports.areMissing, false)
    reports.begin('3', ['a', 'b'])
    reports.end()
    assert.equal(reports.areMissing, false)
  })
})
