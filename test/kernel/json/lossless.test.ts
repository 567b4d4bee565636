import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseLossless } from '../../../src/kernel/json/lossless.ts'

/** The definition: what a reviver that sees each literal would make of a text. */
function byReviver(text: string): unknown {
  return JSON.parse(text, function keep(_key: string, value: unknown, context?: { source?: string }) {
    const source = context?.source
    return typeof value === 'number' &&
      source !== undefined &&
      /^-?\d+$/.test(source) &&
      String(value) !== source
      ? JSON.rawJSON(source)
      : value
  })
}

/** Texts and their errors alike. */
function written(parse: (text: string) => unknown, text: string): string {
  try {
    return JSON.stringify(parse(text))
  } catch (error) {
    return error instanceof SyntaxError ? 'SyntaxError' : String(error)
  }
}

const pieces = [
  '12345678901234567',
  '-12345678901234567',
  '9007199254740992',
  '9007199254740993',
  '012345678901234567',
  '0.12345678901234567',
  '1.5',
  '12345678901234567.25',
  '1e12345678901234567',
  '1e-12345678901234567',
  '12345678901234567e2',
  '123456789012345678901234567890',
  '"',
  '\\"',
  '\\\\',
  '"12345678901234567"',
  '"id_12345678901234567\\\\"',
  '"key":',
  '{',
  '}',
  '[',
  ']',
  ',',
  ' ',
  'true',
  '--12345678901234567',
]

describe('parseLossless', () => {
  it('keeps every integer through parsing and writing', () => {
    fc.assert(
      fc.property(fc.array(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n })), (numbers) => {
        const text = `{"list":[${numbers.join(',')}],"last":${numbers[0] ?? 0}}`
        assert.equal(JSON.stringify(parseLossless(text)), text)
      }),
    )
  })

  it('parses everything else as JSON.parse does', () => {
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

  it('accepts and rejects what JSON.parse with a reviver would', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 12 }), (parts) => {
        const text = parts.join('')
        assert.equal(written(parseLossless, text), written(byReviver, text), text)
      }),
      { numRuns: 2_000 },
    )
  })

  for (const text of [
    '12345678901234567',
    '{"__proto__":12345678901234567}',
    '{"a":{"__proto__":[12345678901234567]}}',
    '{"a\\"12345678901234567":12345678901234567}',
    '{"a":12345678901234567,"a":1}',
    '[12345678901234567,"12345678901234567",12345678901234568]',
    ' [ 12345678901234567 ] ',
    '"\\\\",12345678901234567',
  ]) {
    it(`reads ${text}`, () => {
      assert.equal(written(parseLossless, text), written(byReviver, text))
    })
  }

  for (const [name, unit] of [
    ['no strings at all', '12345678901234567,'],
    ['strings in between', '12345678901234567,"a",'],
    ['digits in strings', '"12345678901234567",'],
  ] as const) {
    it(`scans a long text once: ${name}`, (t) => {
      let searched = 0
      const { indexOf } = String.prototype
      t.mock.method(String.prototype, 'indexOf', function search(this: string, text: string, from = 0) {
        const at = indexOf.call(this, text, from)
        searched += (at < 0 ? this.length : at) - from
        return at
      })
      const text = `[${unit.repeat(2_000)}1]`
      parseLossless(text)
      assert.ok(searched <= 2 * text.length, `${searched} of ${text.length}`)
    })
  }

  it('reads long integers at any depth', () => {
    const text = `${'['.repeat(100_000)}12345678901234567${']'.repeat(100_000)}`
    let value = parseLossless(text)
    while (Array.isArray(value)) value = value[0]
    assert.equal(JSON.stringify(value), '12345678901234567')
  })
})
