import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { WholeMessageEvents } from '../../../../src/dialects/anthropic/messages/answer/whole-message.ts'
import { CallArguments } from '../../../../src/dialects/hub/answer/call-arguments.ts'
import { ThinkTags } from '../../../../src/dialects/hub/answer/think-tags.ts'
import { chunk, expectedAnswer, readEvents, toSse, translateAnswer } from './support.ts'

const call = (index: number, name: string, args: string, id = `c${index}`) => ({
  tool_calls: [{ index, id, function: { name, arguments: args } }],
})

/** Sends chunks until the answer has failed. @returns what the client received, and the number of chunks */
function pour(delta: (at: number) => object, maxChunks: number, to: 'stream' | 'whole' = 'stream') {
  const translation = translateAnswer('stream', to, expectedAnswer())
  const parts: Buffer[] = []
  let taken = 0
  for (; taken < maxChunks && translation.outcome === undefined; taken++)
    parts.push(translation.push(toSse([chunk(delta(taken))], '')))
  parts.push(translation.end())
  return { taken, text: Buffer.concat(parts).toString(), outcome: translation.outcome }
}

describe('an endless answer', () => {
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
      'fills a call after one that does not end',
      (at) => call(at === 0 ? 0 : 1, at < 2 ? 'f' : '', at === 0 ? '{"a":' : `{"b":"${'x'.repeat(100_000)}`),
      200,
      /too much at once/,
    ],
    [
      'writes text after a call that does not end',
      (at) => (at === 0 ? call(0, 'f', '{"a":') : { content: 'x'.repeat(100_000) }),
      200,
      /too much at once/,
    ],
  ]
  for (const [title, delta, maxChunks, message] of rows) {
    it(`fails if it ${title}, and the client gets an error`, () => {
      const { taken, text, outcome } = pour(delta, maxChunks)
      assert.ok(taken < maxChunks, `${taken} chunks`)
      assert.equal(outcome, 'failed')
      const events = readEvents(text)
      assert.equal(events.at(-1)?.type, 'error')
      assert.match(text, message)
    })
  }

  it('fails at a limit if the client requested a whole answer', () => {
    const piece = { content: 'x'.repeat(1_000_000) }
    const { taken, outcome, text } = pour(() => piece, 100, 'whole')
    assert.deepEqual([taken < 70, outcome], [true, 'failed'])
    assert.match(text, /"type":"error".*too large/)
  })

  it('holds only a little white space of a text that has not started', () => {
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

function canStringify(json: string): boolean {
  try {
    return JSON.stringify(JSON.parse(json)).length === json.length
  } catch {
    return false
  }
}

describe('an answer nested too deeply to be serialized', () => {
  const deep = `${'{"a":'.repeat(200_000)}1${'}'.repeat(200_000)}`
  /** Before Node 26, JSON.stringify overflows the stack. */
  const canBeSerialized = canStringify(deep)
  const made = (args: string) =>
    `{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":${args}}}]}`
  const whole = (message: string) => `{"choices":[{"index":0,"message":${message},"finish_reason":"stop"}]}`
  const rows: [string, 'whole' | 'stream', 'whole' | 'stream', string][] = [
    ['a call', 'whole', 'whole', whole(made(deep))],
    ['a call for a stream', 'whole', 'stream', whole(made(deep))],
    ['a call whose arguments are a text', 'whole', 'whole', whole(made(JSON.stringify(deep)))],
    ['part of a call', 'stream', 'stream', `data: {"choices":[{"delta":${made(deep)}}]}\n\n`],
    ['an error', 'whole', 'whole', `{"error":${deep}}`],
    ['an event with an error', 'stream', 'stream', `data: {"error":{"message":${deep}}}\n\n`],
  ]
  for (const [title, from, to, text] of rows) {
    it(`fails: ${title}`, () => {
      const translation = translateAnswer(from, to, expectedAnswer())
      const written = `${translation.push(Buffer.from(text))}${translation.end()}`
      if (canBeSerialized && title.includes('call')) {
        assert.equal(translation.outcome, from === 'whole' ? 'complete' : 'failed')
        return
      }
      assert.equal(translation.outcome, 'failed')
      assert.match(written, /"type":"error"/)
      assert.ok(written.length < 2_000)
    })
  }
})

describe('a message too large to be converted to events', () => {
  it('fails at once and holds nothing afterwards', () => {
    const whole = new WholeMessageEvents('r', undefined)
    let written = ''
    for (let at = 0; at < 70 && !whole.hasFailed; at++)
      written += whole.push(Buffer.alloc(1_000_000)).toString()
    assert.ok(whole.hasFailed)
    assert.match(written, /^event: error\n.*too large/)
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
  it('is only recognized after limited white space', () => {
    const tags = new ThinkTags()
    let text = ''
    for (let at = 0; at < 10_000; at++) text += tags.push(' ').text
    assert.ok(text.length > 5_000)
    assert.equal(text + tags.push('<think>').text, `${' '.repeat(10_000)}<think>`)
  })
})
