import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { KeyNames } from '../../../src/kernel/json/key-names.ts'

const names = ['model', 'input', 'système', 'stream', 'stream_options', '', '__proto__', 'a"b']
const values = new Map(names.map((name, value) => [name, value]))
const known = new KeyNames(values)

describe('key names', () => {
  it('are found as in a map, plain or escaped', () => {
    const name = fc.oneof(fc.constantFrom(...names), fc.constantFrom('mode', 'models', 'Model'), fc.string())
    const escaped = (text: string) =>
      `"${[...text].map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`
    fc.assert(
      fc.property(name, fc.string(), fc.boolean(), (key, before, isEscaped) => {
        const text = isEscaped && /^[\0-\x7f]*$/.test(key) ? escaped(key) : JSON.stringify(key)
        const bytes = Buffer.from(`${before}${text}:1`)
        const start = Buffer.byteLength(before)
        assert.equal(known.of(bytes, start, bytes.length - 2), values.get(key))
      }),
      { numRuns: 500 },
    )
  })

  it('are not found if an escape is invalid', () => {
    const bytes = Buffer.from('"mode\\u00"')
    assert.equal(known.of(bytes, 0, bytes.length), undefined)
  })
})
