import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { cutVector, normalized, readVector, toBase64 } from '../../../src/dialects/hub/parts/vectors.ts'

const length = (vector: readonly number[]) => Math.hypot(...vector)
const finite = fc.float({ noNaN: true, noDefaultInfinity: true })

describe('readVector', () => {
  it('reads what toBase64 writes, exactly', () => {
    fc.assert(
      fc.property(fc.array(finite, { minLength: 1 }), (vector) => {
        assert.deepEqual(readVector(toBase64(vector)), vector)
      }),
    )
  })

  it('reads Base64 as little-endian 32-bit floats', () => {
    assert.equal(toBase64([1, -0.5]), 'AACAPwAAAL8=')
    assert.deepEqual(readVector('AACAPwAAAL8='), [1, -0.5])
  })

  for (const [name, value, expected] of [
    ['a list', [0.25, -1], [0.25, -1]],
    ['one list in a list', [[1, 2]], [1, 2]],
    ['an empty list', [], undefined],
    ['several lists', [[1], [2]], undefined],
    ['a list with null', [1, null], undefined],
    ['a list with text', [1, '2'], undefined],
    ['infinity in Base64', 'AACAfw==', undefined],
    ['bytes that are not whole floats', 'AACA', undefined],
    ['an empty text', '', undefined],
    ['null', null, undefined],
    ['an object', { 0: 1 }, undefined],
  ] as const) {
    it(`reads ${name}`, () => assert.deepEqual(readVector(value), expected))
  }
})

describe('normalized', () => {
  it('scales to length 1', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1 }), (vector) => {
        const scaled = normalized(vector)
        if (vector.every((value) => Math.abs(value) < 1e-100)) return
        assert.ok(Math.abs(length(scaled) - 1) < 1e-4)
      }),
    )
  })

  it('keeps a vector of length 1 and one of zeros', () => {
    for (const vector of [
      [0.6, 0.8],
      [0.6000001, 0.8],
      [0, 0],
    ])
      assert.equal(normalized(vector), vector)
  })
})

describe('cutVector', () => {
  it('keeps the first numbers and scales them to length 1', () => {
    assert.deepEqual(cutVector([0.3, 0.4, 0.866], 2), [0.6, 0.8])
  })

  it('keeps a vector that is not longer', () => {
    const vector = [3, 4]
    for (const dimensions of [undefined, 2, 3]) assert.equal(cutVector(vector, dimensions), vector)
  })
})
