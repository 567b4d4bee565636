import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { memberSpans } from '../../../src/kernel/json/body-members.ts'
import { KeyNames } from '../../../src/kernel/json/key-names.ts'

const names = ['messages', 'user', 'metadata', 'tools'] as const
const places = new KeyNames(names.map((name, place) => [name as string, place]))

describe('memberSpans', () => {
  it('finds what JSON.parse finds, for any order and spacing', () => {
    const key = fc.oneof(fc.constantFrom(...names), fc.string())
    fc.assert(
      fc.property(
        fc.array(fc.tuple(key, fc.jsonValue())),
        fc.constantFrom('', ' ', '\r\n\t '),
        (entries, space) => {
          const members = entries.map(
            ([name, item]) => `${JSON.stringify(name)}${space}:${space}${JSON.stringify(item)}`,
          )
          const text = `${space}{${space}${members.join(`${space},${space}`)}${space}}${space}`
          const body = Buffer.from(text)
          const spans = memberSpans(body, places)
          assert.ok(spans !== undefined, text)
          const parsed: Record<string, unknown> = JSON.parse(text)
          for (const [place, name] of names.entries()) {
            const span = spans[place]
            const found: unknown =
              span === undefined ? undefined : JSON.parse(body.toString('utf8', span.start, span.end))
            assert.deepEqual(found, Object.hasOwn(parsed, name) ? parsed[name] : undefined, text)
          }
        },
      ),
      { numRuns: 500 },
    )
  })

  it('reads strings of every length with escapes at every position', () => {
    const pieces = fc.array(fc.constantFrom('x', '"', '\\', 'é', 'plain words ', '\\"'), { maxLength: 120 })
    fc.assert(
      fc.property(pieces, pieces, (one, two) => {
        const value = { text: one.join(''), messages: two.join('') }
        const body = Buffer.from(JSON.stringify(value))
        const span = memberSpans(body, places)?.[0]
        assert.ok(span !== undefined)
        assert.equal(JSON.parse(body.toString('utf8', span.start, span.end)), value.messages)
      }),
      { numRuns: 500 },
    )
  })

  it('finds escaped keys', () => {
    const body = Buffer.from('{"us\\u0065r":"x"}')
    assert.deepEqual(memberSpans(body, places)?.[1], { start: 13, end: 16 })
  })

  it('returns nothing for incomplete text or values other than objects', () => {
    for (const text of [
      '',
      '[]',
      '1',
      '{',
      '{"a"',
      '{"a":1',
      '{"a":1,}',
      '{"a":1}x',
      '{,}',
      '{"a" 1}',
      '{"a":}',
    ]) {
      assert.equal(memberSpans(Buffer.from(text), places), undefined, text)
    }
  })
})
