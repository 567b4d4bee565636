import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ThinkTags } from '../../../../src/dialects/hub/answer/think-tags.ts'

function split(pieces: readonly string[]): { thinking: string; text: string } {
  const tags = new ThinkTags()
  const parts = [...pieces.map((piece) => tags.push(piece)), tags.end()]
  return {
    thinking: parts.map(({ thinking }) => thinking).join(''),
    text: parts.map(({ text }) => text).join(''),
  }
}

describe('ThinkTags', () => {
  it('separates thoughts at the start', () => {
    assert.deepEqual(split(['<think>a</think>\n\nb']), { thinking: 'a', text: 'b' })
    assert.deepEqual(split([' \n<think>', 'a <', 'b </thin', 'g>', '</think>', 'c']), {
      thinking: 'a <b </thing>',
      text: 'c',
    })
  })

  it('keeps later tags, and text that only resembles a tag', () => {
    for (const text of ['a <think>b</think>', '<thin', '<thinking>a</thinking>', ' <b>', 'x</think>y', '']) {
      assert.deepEqual(split([text]), { thinking: '', text })
    }
    assert.deepEqual(split(['<think>a</think>b <think>c</think>']), {
      thinking: 'a',
      text: 'b <think>c</think>',
    })
  })

  it('treats thoughts that never end as thoughts', () => {
    assert.deepEqual(split(['<think>a</thi']), { thinking: 'a</thi', text: '' })
  })

  it('holds back only what may be part of a tag', () => {
    const tags = new ThinkTags()
    assert.deepEqual(tags.push('<th'), { thinking: '', text: '' })
    assert.deepEqual(tags.push('e'), { thinking: '', text: '<the' })
    assert.deepEqual(tags.push('<'), { thinking: '', text: '<' })
    const thinking = new ThinkTags()
    thinking.push('<think>')
    assert.deepEqual(thinking.push('a <'), { thinking: 'a ', text: '' })
    assert.deepEqual(thinking.push('b'), { thinking: '<b', text: '' })
  })

  it('returns the same for any chunk boundaries', () => {
    const texts = fc
      .array(fc.constantFrom('<think>', '</think>', '<', '</', 'think', '>', ' ', '\n', 'a'), {
        maxLength: 10,
      })
      .map((parts) => parts.join(''))
    fc.assert(
      fc.property(texts, fc.array(fc.nat(60), { maxLength: 8 }), (text, cuts) => {
        const offsets = [0, ...cuts.map((cut) => cut % (text.length + 1)).sort((a, b) => a - b), text.length]
        const pieces = offsets.slice(1).map((end, index) => text.slice(offsets[index], end))
        assert.deepEqual(split(pieces), split([text]))
      }),
      { numRuns: 2000 },
    )
  })
})
