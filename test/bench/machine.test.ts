import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseCoreList, splitCores } from '../../bench/machine.ts'

describe('the cores of a benchmark', () => {
  it('are read from the kernel’s format', () => {
    assert.deepEqual(parseCoreList('0'), [0])
    assert.deepEqual(parseCoreList('0-3'), [0, 1, 2, 3])
    assert.deepEqual(parseCoreList('0-1,4,6-7'), [0, 1, 4, 6, 7])
  })

  it('separate the target from load and upstream', () => {
    assert.deepEqual(splitCores([0, 1, 2, 3]), {
      one: '0',
      two: '0,1',
      load: '3',
      loadBesideTwo: '3',
      upstream: '2',
    })
  })

  it('are shared if there are too few', () => {
    assert.deepEqual(splitCores([4, 5]), {
      one: '4',
      two: '4,5',
      load: '5',
      loadBesideTwo: '4,5',
      upstream: '5',
    })
    assert.deepEqual(splitCores([2]), { one: '2', two: '2', load: '2', loadBesideTwo: '2', upstream: '2' })
  })
})
