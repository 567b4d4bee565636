import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { excessIn, isDeeper } from '../../../src/kernel/json/json-depth.ts'

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return 1 + Math.max(0, ...Object.values(value).map(depthOf))
}

describe('isDeeper', () => {
  it('counts nested objects and lists, and nothing in strings', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        const body = Buffer.from(JSON.stringify(value))
        const depth = depthOf(value)
        assert.equal(isDeeper(body, depth), false)
        if (depth > 0) assert.equal(isDeeper(body, depth - 1), true)
      }),
    )
  })

  it('ignores an unterminated string', () => {
    assert.equal(isDeeper(Buffer.from('["[[[['), 2), false)
  })

  it('counts members and items', () => {
    const body = Buffer.from('{"a":[1,2,{"b":"[,,,"}],"c":3}')
    assert.equal(excessIn(body, 10, 6), undefined)
    assert.equal(excessIn(body, 10, 5), 'values')
    assert.equal(excessIn(body, 2, 6), 'depth')
  })
})
