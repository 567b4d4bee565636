import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Remembered } from '../../src/kernel/remembered.ts'

describe('Remembered', () => {
  it('finds stored values, including false and null', () => {
    const remembered = new Remembered<boolean | null>()
    remembered.set('/a', false)
    remembered.set('/b', null)
    assert.equal(remembered.get('/a'), false)
    assert.equal(remembered.get('/b'), null)
    assert.equal(remembered.get('/c'), undefined)
  })

  it('keeps entries in use while many others pass through, and accepts new ones afterwards', () => {
    const remembered = new Remembered<number>(10)
    remembered.set('/v1/chat/completions', 1)
    for (let index = 0; index < 1_000; index++) {
      remembered.set(`/invented/${index}`, index)
      assert.equal(remembered.get('/v1/chat/completions'), 1)
    }
    remembered.set('/v1/embeddings', 2)
    assert.equal(remembered.get('/v1/embeddings'), 2)
  })

  it('drops entries that have not been used', () => {
    const remembered = new Remembered<number>(4)
    for (const [index, text] of ['a', 'b', 'c', 'd', 'e'].entries()) remembered.set(text, index)
    assert.equal(remembered.get('a'), undefined)
    assert.equal(remembered.get('e'), 4)
  })

  it('does not store texts that are too long', () => {
    const remembered = new Remembered<number>(10, 3)
    remembered.set('abcd', 1)
    assert.equal(remembered.get('abcd'), undefined)
    assert.equal(remembered.size, 0)
  })

  it('never returns another value, and never exceeds its capacity', () => {
    const step = fc.record({ text: fc.constantFrom(...'abcdefghijkl'), sets: fc.boolean() })
    fc.assert(
      fc.property(fc.array(step), fc.integer({ min: 2, max: 6 }), (steps, max) => {
        const remembered = new Remembered<string>(max)
        for (const { text, sets } of steps) {
          if (sets) remembered.set(text, text)
          const found = remembered.get(text)
          assert.ok(found === undefined || found === text)
          if (sets) assert.equal(found, text)
          assert.ok(remembered.size <= max + 1)
        }
      }),
    )
  })
})
