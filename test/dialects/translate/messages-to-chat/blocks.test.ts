import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { contentBlocks } from '../../../../src/dialects/hub/parts/blocks.ts'

const text = (value: string) => ({ type: 'text', text: value })

describe('contentBlocks', () => {
  for (const [what, content, blocks] of [
    ['a string', 'a', [text('a')]],
    ['an empty string', '', []],
    ['nothing', undefined, []],
    ['a block', { type: 'image' }, [{ type: 'image' }]],
    ['a list', ['a', { type: 'image' }, '', null, 1, 'b'], [text('a'), { type: 'image' }, text('b')]],
    ['lists in a list', [['a', ['b', []]], [[['c']]], 'd'], ['a', 'b', 'c', 'd'].map(text)],
  ] as const) {
    it(`converts ${what}`, () => assert.deepEqual(contentBlocks(content), blocks))
  }

  it('supports any depth that JSON does', () => {
    const levels = 300_000
    const content: unknown = JSON.parse(`${'['.repeat(levels)}"a"${']'.repeat(levels)}`)
    assert.deepEqual(contentBlocks(content), [text('a')])
  })
})
