import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseLossless } from '../../src/json/lossless.ts'

describe('parseLossless', () => {
  it('keeps every integer through parsing and writing', () => {
    fc.assert(
      fc.property(fc.array(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n })), (numbers) => {
        const text = `{"list":[${numbers.join(',')}]}`
        assert.equal(JSON.stringify(parseLossless(text)), text)
      }),
    )
  })

  it('parses all else as JSON.parse does', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        assert.deepEqual(parseLossless(text), JSON.parse(text))
      }),
    )
    assert.deepEqual(parseLossless('{"a":"12345678901234567890","b":1.5}'), {
      a: '12345678901234567890',
      b: 1.5,
    })
    assert.throws(() => parseLossless('{'), SyntaxError)
  })
})
