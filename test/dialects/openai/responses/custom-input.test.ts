import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { CustomInput } from '../../../../src/dialects/hub/calls/custom-input-stream.ts'

function decode(parts: readonly string[]): string {
  const decoder = new CustomInput()
  return parts.map((part) => decoder.push(part)).join('') + decoder.end(parts.join(''))
}

const escaped = (text: string) => [...text].map((char) => unicode(char)).join('')
const unicode = (char: string) =>
  [...Array(char.length).keys()]
    .map((at) => `\\u${char.charCodeAt(at).toString(16).padStart(4, '0')}`)
    .join('')

describe('input of a custom tool', () => {
  it('is decoded wherever its JSON text is cut', () => {
    const text = fc.string({ unit: 'binary', maxLength: 20 })
    const others = fc.dictionary(fc.string({ maxLength: 4 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 2 })
    fc.assert(
      fc.property(text, others, fc.boolean(), fc.array(fc.nat(200)), (input, beside, isEscaped, cuts) => {
        const { input: _, ...before } = beside
        const value = isEscaped ? `"${escaped(input)}"` : JSON.stringify(input)
        const head = JSON.stringify(before).slice(1, -1)
        const json = `{${head}${head === '' ? '' : ', '}"input" : ${value}, "after": [{"input":"no"}]}`
        const offsets = [0, ...cuts.map((cut) => cut % json.length).sort((a, b) => a - b), json.length]
        assert.equal(decode(offsets.slice(1).map((end, at) => json.slice(offsets[at], end))), input)
      }),
      { numRuns: 1_000 },
    )
  })

  const rows: readonly (readonly [args: string, input: string])[] = [
    ['{"input":"a\\/\\b\\f\\n\\r\\t\\"\\\\"}', 'a/\b\f\n\r\t"\\'],
    ['{"input":""}', ''],
    ['{}', ''],
    ['{"patch":"x"}', 'x'],
    ['{"INVALID_JSON":"raw text"}', 'raw text'],
    ['{"a":"x","b":"y"}', '{"a":"x","b":"y"}'],
    ['{"input":{"a":1}}', '{"input":{"a":1}}'],
    ['{"input":"cut o', 'cut o'],
    ['{"input":"cut \\u00', 'cut '],
  ]
  for (const [args, input] of rows) {
    it(`of ${args} is ${JSON.stringify(input)}`, () => {
      assert.equal(decode([args]), input)
      assert.equal(decode([...args]), input)
    })
  }
})
