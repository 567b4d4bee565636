import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { translateAnswer } from '../../src/translate/answer-translation.ts'
import { CallArguments } from '../../src/translate/call-arguments.ts'
import { ThinkTags } from '../../src/translate/think-tags.ts'
import { WholeMessageEvents } from '../../src/translate/whole-message.ts'
import { chunk, expectedAnswer, readEvents, toSse } from './support.ts'

const call = (index: number, name: string, args: string, id = `c${index}`) => ({
  tool_calls: [{ index, id, function: { name, arguments: args } }],
})

/** Sends chunks until the answer has failed. @returns what the client got, and how many chunks it took */
function pour(delta: (at: number) => object, most: number, to: 'stream' | 'whole' = 'stream') {
  const translation = translateAnswer('stream', to, expectedAnswer())
  const parts: Buffer[] = []
  let taken = 0
  for (; taken < most && translation.outcome === undefined; taken++)
    parts.push(translation.push(toSse([chunk(delta(taken))], '')))
  parts.push(translation.end())
  return { taken, text: Buffer.concat(parts).toString(), outcome: translation.outcome }
}

describe('an answer without end', () => {
  const rows: [string, (at: number) => object, number, RegExp][] = [
    ['has ever new calls', (at) => call(at, 'f', '{'), 130, /too many tool calls/],
    ['has ever new whole calls', (at) => call(at, 'f', '{}'), 130, /too many tool calls/],
    [
      'has all its calls in one chunk',
      () => ({ tool_calls: Array.from({ length: 5_000 }, (_, at) => call(at, 'f', '{}').tool_calls[0]) }),
      2,
      /too many tool calls/,
    ],
    ['has a name without end', (at) => call(0, `${at}`.padEnd(100, 'n'), ''), 20, /too many tool calls/],
    [
      'fills a call behind one that does not end',
      (at) => call(at === 0 ? 0 : 1, at < 2 ? 'f' : '', at === 0 ? '{"a":' : `{"b":"${'x'.repeat(100_000)}`),
      200,
      /too much at once/,
    ],
    [
      'writes text behind a call that does not end',
      (at) => (at === 0 ? call(0, 'f', '{"a":') : { content: 'x'.repeat(100_000) }),
      200,
      /too much at once/,
    ],
  ]
  for (const [title, delta, most, message] of rows) {
    it(`fails where it ${title}, and the client is told`, () => {
      const { taken, text, outcome } = pour(delta, most)
      assert.ok(taken < most, `${taken} chunks`)
      assert.equal(outcome, 'failed')
      const events = readEvents(text)
      assert.equal(events.at(-1)?.type, 'error')
      assert.match(text, message)
    })
  }

  it('fails at a limit where the client wants it whole', () => {
    const piece = { content: 'x'.repeat(1_000_000) }
    const { taken, outcome, text } = pour(() => piece, 100, 'whole')
    assert.deepEqual([taken < 70, outcome], [true, 'failed'])
    assert.match(text, /"type":"error".*too large/)
  })

  it('keeps no more than some white space of a text that does not begin', () => {
    const translation = translateAnswer('stream', 'stream', expectedAnswer())
    let bytes = 0
    for (let at = 0; at < 1_000; at++)
      bytes += translation.push(toSse([chunk({ content: ' '.repeat(1_000) })], '')).length
    assert.ok(bytes < 10_000)
    const rest = translation.push(toSse([chunk({ content: 'a' }, 'stop')]))
    assert.ok(rest.length < 10_000, `${rest.length} bytes`)
    assert.equal(translation.outcome, 'complete')
  })
})

describe('a message that is too large to be told as events', () => {
  it('fails as soon as it is, and holds nothing then', () => {
    const whole = new WholeMessageEvents('r', undefined)
    let told = ''
    for (let at = 0; at < 70 && !whole.hasFailed; at++) told += whole.push(Buffer.alloc(1_000_000)).toString()
    assert.ok(whole.hasFailed)
    assert.match(told, /^event: error\n.*too large/)
    assert.equal(whole.end().length, 0)
  })
})

describe('arguments of a call', () => {
  it('may be replaced any number of times', () => {
    const args = new CallArguments()
    assert.equal(args.push(`${'{}'.repeat(200_000)}{"a":1}`), '{"a":1}')
    assert.equal(args.end(), '')
  })
})

describe('thinking', () => {
  it('is looked for behind some white space only', () => {
    const tags = new ThinkTags()
    let text = ''
    for (let at = 0; at < 10_000; at++) text += tags.push(' ').text
    assert.ok(text.length > 5_000)
    assert.equal(text + tags.push('<think>').text, `${' '.repeat(10_000)}<think>`)
  })
})
