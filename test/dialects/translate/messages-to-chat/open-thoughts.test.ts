import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { OpenThoughts } from '../../../../src/dialects/hub/parts/open-thoughts.ts'
import {
  type AnswerFraming,
  chunk,
  type ExpectedAnswer,
  expectedAnswer,
  toSse,
  translateAnswer,
} from './support.ts'

interface Block {
  readonly type: string
  readonly text?: string
  readonly thinking?: string
}

/** Consecutive answers of one model on one endpoint. */
function answers() {
  const memory = new OpenThoughts()
  const translate = (from: AnswerFraming, bytes: Buffer, given: Partial<ExpectedAnswer> = {}) => {
    const expected = expectedAnswer({ thoughts: memory.of(3, 'm'), ...given })
    const translation = translateAnswer(from, 'whole', expected)
    const text = Buffer.concat([translation.push(bytes), translation.end()]).toString()
    const { content } = JSON.parse(text) as { content: Block[] }
    return content.map(({ type, text = '', thinking = '' }) => `${type}: ${text}${thinking}`)
  }
  return {
    memory,
    stream: (pieces: readonly string[], finish = 'stop', given?: Partial<ExpectedAnswer>) =>
      translate('stream', toSse([...pieces.map((content) => chunk({ content })), chunk({}, finish)]), given),
    whole: (content: string) =>
      translate(
        'whole',
        Buffer.from(JSON.stringify({ choices: [{ message: { content }, finish_reason: 'stop' }] })),
      ),
  }
}

const lone = ['I', ' count.\n', '</think>', '\n\nTwo.']

describe('a thought whose opening tag is in the prompt', () => {
  it('is separated in a whole answer, and from the second stream on', () => {
    const { stream } = answers()
    assert.deepEqual(stream(lone), ['text: I count.\n</think>\n\nTwo.'])
    assert.deepEqual(stream(lone), ['thinking: I count.\n', 'text: Two.'])
    assert.deepEqual(stream(lone), ['thinking: I count.\n', 'text: Two.'])
  })

  it('is also learned from whole answers', () => {
    const { whole, stream } = answers()
    assert.deepEqual(whole(lone.join('')), ['thinking: I count.', 'text: Two.'])
    assert.deepEqual(stream(lone), ['thinking: I count.\n', 'text: Two.'])
    assert.deepEqual(whole('Two.'), ['text: Two.'])
    assert.deepEqual(whole(lone.join('')), ['thinking: I count.', 'text: Two.'])
  })

  it('is unlearned after an answer without one, whose text arrives as text after all', () => {
    const { stream } = answers()
    stream(lone)
    assert.deepEqual(stream(['Two', '.']), ['thinking: Two.', 'text: Two.'])
    assert.deepEqual(stream(['Two', '.']), ['text: Two.'])
  })

  it('may be cut off before its end', () => {
    const { stream } = answers()
    stream(lone)
    assert.deepEqual(stream(['I count'], 'length'), ['thinking: I count'])
    assert.deepEqual(stream(lone), ['thinking: I count.\n', 'text: Two.'])
  })

  it('is not expected if the request disables thinking', () => {
    const { stream } = answers()
    stream(lone)
    assert.deepEqual(stream(['Two.'], 'stop', { thinking: 'off' }), ['text: Two.'])
  })

  it('may still have its opening tag', () => {
    const { stream } = answers()
    stream(lone)
    assert.deepEqual(stream(['<think>', ...lone]), ['thinking: I count.\n', 'text: Two.'])
  })

  it('is not learned from a quoted tag', () => {
    const { stream } = answers()
    const quoted = ['Models end with `', '</think>', '`.']
    assert.deepEqual(stream(quoted), [`text: ${quoted.join('')}`])
    assert.deepEqual(stream(quoted), [`text: ${quoted.join('')}`])
  })

  it('is learned separately for each endpoint and model', () => {
    const { memory, stream } = answers()
    stream(lone)
    assert.deepEqual(
      [memory.of(3, 'm'), memory.of(2, 'm'), memory.of(3, 'n')].map(({ isOpen }) => isOpen),
      [true, false, false],
    )
  })

  it('is the same for any chunk boundaries', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(40), { maxLength: 8 }), (cuts) => {
        const text = lone.join('')
        const offsets = [0, ...cuts.map((cut) => cut % text.length).sort((a, b) => a - b), text.length]
        const { stream } = answers()
        stream(lone)
        const pieces = offsets.slice(1).map((end, at) => text.slice(offsets[at], end))
        assert.deepEqual(stream(pieces), ['thinking: I count.\n', 'text: Two.'])
      }),
    )
  })
})
