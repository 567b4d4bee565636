import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { matchesGlob } from '../../../src/kernel/names/glob.ts'
import { NameFilter } from '../../../src/kernel/names/name-filter.ts'

/** The same meaning by a regular expression, for short inputs. */
function byRegExp(pattern: string, text: string): boolean {
  const source = [...pattern]
    .map((char) =>
      char === '*' ? '[^]*' : char === '?' ? '[^]' : char.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'),
    )
    .join('')
  return new RegExp(`^${source}$`, 'i').test(text)
}

describe('matchesGlob', () => {
  const cases: [string, string, boolean][] = [
    ['*', '', true],
    ['*', 'anything', true],
    ['llama*', 'Llama3.2:3b', true],
    ['*coder*', 'qwen2.5-coder:7b', true],
    ['qwen*coder*', 'qwen2.5-coder:7b', true],
    ['qwen*coder', 'qwen2.5-coder:7b', false],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['', '', true],
    ['', 'x', false],
    ['gemini-*vision*', 'gemini-1.5-vision-pro', true],
  ]
  for (const [pattern, text, expected] of cases) {
    it(`${pattern} ${expected ? 'matches' : 'does not match'} ${text}`, () => {
      assert.equal(matchesGlob(pattern, text), expected)
    })
  }

  it('means the same as the equivalent regular expression', () => {
    const alphabet = fc.constantFrom('a', 'B', '*', '?', '.', ':')
    const text = fc
      .array(fc.constantFrom('a', 'b', '.', ':'), { maxLength: 12 })
      .map((chars) => chars.join(''))
    fc.assert(
      fc.property(
        fc.array(alphabet, { maxLength: 8 }).map((chars) => chars.join('')),
        text,
        (pattern, name) => {
          assert.equal(matchesGlob(pattern, name), byRegExp(pattern, name))
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('does not backtrack exponentially on many stars', () => {
    assert.equal(matchesGlob(`${'a*'.repeat(40)}b`, 'a'.repeat(5000)), false)
  })
})

describe('NameFilter', () => {
  it('gives exclude precedence, and allows everything without include', () => {
    const filter = new NameFilter({ include: ['llama*', 'qwen*'], exclude: ['*embed*'] })
    assert.equal(filter.allows('LLAMA3'), true)
    assert.equal(filter.allows('llama-embed'), false)
    assert.equal(filter.allows('mistral'), false)
    assert.equal(new NameFilter({ include: [], exclude: [] }).allows('x'), true)
  })
})
