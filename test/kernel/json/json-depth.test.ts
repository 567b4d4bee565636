import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { scanBody } from '../../../src/kernel/json/body-scan.ts'
import { isDeeper, JsonScanner, scanJson } from '../../../src/kernel/json/json-depth.ts'

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
    assert.equal(scanJson(body, 10, 6).excess, undefined)
    assert.equal(scanJson(body, 10, 5).excess, 'values')
    assert.equal(scanJson(body, 2, 6).excess, 'depth')
  })

  it('counts the same member by member', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 })), (value) => {
        const body = Buffer.from(JSON.stringify(value))
        for (let values = 1; values < 20; values++) {
          const scanner = new JsonScanner(body, 10, values, undefined)
          const isWhole = scanBody(body, scanner) !== undefined
          const { excess } = scanJson(body, 10, values)
          assert.equal(scanner.excess, excess, `${values} of ${body}`)
          assert.equal(isWhole, excess === undefined)
        }
      }),
    )
  })

  it('finds every number that a parser would round', () => {
    const hasLongNumbers = (text: string) => scanJson(Buffer.from(text), 10).hasLongNumbers
    fc.assert(
      fc.property(fc.array(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n })), (numbers) => {
        const text = `[${numbers.join(',')}]`
        const isRounded = JSON.stringify(JSON.parse(text)) !== text
        if (isRounded) assert.equal(hasLongNumbers(text), true)
      }),
    )
    assert.equal(hasLongNumbers('{"a":123456789012345,"b":[1,2]}'), false)
    assert.equal(hasLongNumbers('{"a":"12345678901234567890"}'), false)
    assert.equal(hasLongNumbers('[-1234567890123456]'), true)
  })
})
