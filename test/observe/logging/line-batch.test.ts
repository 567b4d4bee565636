import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { LineBatch } from '../../../src/observe/logging/line-batch.ts'

describe('LineBatch', () => {
  it('keeps every line in order, and buffers no more than its limit', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), fc.nat({ max: 50 }), (lines, most) => {
        const written: string[] = []
        const batch = new LineBatch(most, (text) => written.push(text))
        let added = ''
        for (const line of lines) {
          batch.add(line)
          added += line
          assert.ok(added.length - written.join('').length <= most)
        }
        batch.flush()
        batch.flush()
        assert.equal(written.join(''), added)
        assert.ok(!written.includes(''))
      }),
    )
  })

  it('joins lines', () => {
    const written: string[] = []
    const batch = new LineBatch(4, (text) => written.push(text))
    for (const line of ['a\n', 'b\n', 'c\n', 'd\n']) batch.add(line)
    assert.deepEqual(written, ['a\nb\nc\n'])
  })
})
