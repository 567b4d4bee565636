import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { RowMarks } from '../../../src/kernel/cells/row-marks.ts'
import { threadPlaces } from '../../support/threads.ts'

describe('marks of rows', () => {
  it('are taken once, as a set of rows would be', () => {
    const act = fc.oneof(fc.nat(699), fc.constant('take' as const))
    fc.assert(
      fc.property(fc.array(act, { maxLength: 200 }), (acts) => {
        const [first, second] = threadPlaces(2, (place) => new RowMarks(700, place))
        const marked = new Set<number>()
        for (const [at, each] of acts.entries()) {
          if (each === 'take') {
            assert.deepEqual(
              first.take(),
              [...marked].sort((a, b) => a - b),
            )
            marked.clear()
          } else if (at % 5 === 0) {
            second.unmark(each)
            marked.delete(each)
          } else {
            second.mark(each)
            marked.add(each)
          }
        }
      }),
    )
  })
})
