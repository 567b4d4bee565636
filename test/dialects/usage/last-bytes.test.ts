import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { LastBytes } from '../../../src/dialects/usage/last-bytes.ts'

describe('LastBytes', () => {
  it('keeps the end of all bytes, never less than its capacity and not much more', () => {
    const chunks = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 600 })
    fc.assert(
      fc.property(chunks, fc.integer({ min: 1, max: 200 }), (given, capacity) => {
        const last = new LastBytes(capacity)
        let all = Buffer.alloc(0)
        for (const chunk of given) {
          last.push(Buffer.from(chunk))
          all = Buffer.concat([all, chunk])
          assert.ok(last.length <= 2 * capacity + 40)
          const some = last.last(7)
          assert.ok(some.length >= Math.min(7, last.length))
          assert.deepEqual(some, all.subarray(all.length - some.length))
        }
        assert.equal(last.isCut, last.length < all.length)
        const kept = last.take()
        assert.ok(kept.length >= Math.min(capacity, all.length))
        assert.deepEqual(kept, all.subarray(all.length - kept.length))
        assert.equal(last.length, 0)
      }),
    )
  })

  it('does not accumulate tiny chunks', () => {
    const last = new LastBytes(10_000)
    const bytes = Buffer.from('ab')
    for (let count = 0; count < 100_000; count++) last.push(bytes.subarray(count % 2, (count % 2) + 1))
    assert.ok(last.length <= 20_000)
    assert.match(last.take().toString(), /^b?(?:ab)+a?$/)
  })
})
