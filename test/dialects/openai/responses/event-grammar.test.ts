import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { checkGrammar } from './grammar.ts'
import { callDelta, chunk, readEvents, toSse, translation, usage, whole } from './support.ts'

const tools = [
  { type: 'function', name: 'fn' },
  { type: 'custom', name: 'free' },
  { type: 'local_shell' },
  { type: 'tool_search', execution: 'client' },
  { type: 'namespace', name: 'ns', tools: [{ type: 'function', name: 'in' }] },
]
const names = ['fn', 'free', 'local_shell', 'tool_search', 'ns__in', 'unknown']
const words = fc.string({ unit: 'grapheme', maxLength: 6 })
const halves = fc.constantFrom('\ud83d', '\ude00', '\ud83d\ude00')

/** Chunks in any order: thinking, text, refusals, and parts of calls. */
const steps = fc.oneof(
  fc.oneof(words, halves).map((text) => chunk({ content: text })),
  words.map((text) => chunk({ reasoning_content: text })),
  words.map((text) => chunk({ refusal: text })),
  fc
    .tuple(fc.nat(3), fc.constantFrom(...names, undefined), fc.oneof(words, fc.json({ maxDepth: 2 })))
    .map(([index, name, args]) => callDelta(index, `call_${index}`, name, args)),
)
const settings = fc.record(
  {
    include: fc.constant(['reasoning.encrypted_content']),
    reasoning: fc.constant({ summary: 'auto' }),
    top_logprobs: fc.constant(1),
  },
  { requiredKeys: [] },
)
const finishes = fc.constantFrom('stop', 'tool_calls', 'length', 'content_filter')
const cases = fc.record({ list: fc.array(steps, { maxLength: 12 }), request: settings, finish: finishes })

const stream = (request: object, bytes: Buffer, cut: number) => {
  const translated = translation({ ...request, tools, stream: true })
  const at = cut % (bytes.length + 1)
  const parts = [
    translated.push(bytes.subarray(0, at)),
    translated.push(bytes.subarray(at)),
    translated.end(),
  ]
  return Buffer.concat(parts).toString()
}

describe('the grammar of response events', () => {
  it('holds for any interleaving, and the whole response is the streamed one', () => {
    fc.assert(
      fc.property(cases, ({ list, request, finish }) => {
        const chunks = [...list, chunk({}, finish, usage(3, 4))]
        const streamed = checkGrammar(readEvents(stream(request, toSse(chunks), 0)))
        assert.deepEqual(whole({ ...request, tools }, chunks), streamed)
      }),
      { numRuns: 1_000 },
    )
  })

  it('holds if the answer breaks off anywhere', () => {
    fc.assert(
      fc.property(cases, fc.nat(2_000), ({ list, request }, cut) => {
        const bytes = toSse([...list, chunk({ content: '.' })], '')
        const response = checkGrammar(readEvents(stream(request, bytes.subarray(0, cut), 0)))
        assert.equal(response.status, 'failed')
      }),
      { numRuns: 300 },
    )
  })

  it('does not depend on where the bytes are cut', () => {
    const chunks = [
      chunk({ reasoning_content: 'hmm' }),
      chunk({ content: 'ü\u{1f600}' }),
      callDelta(0, 'a', 'free', '{"inp'),
      callDelta(1, 'b', 'fn', '{"x":1}'),
      callDelta(0, undefined, undefined, 'ut":"\\ud83d\\ude00\\n"}'),
      chunk({}, 'tool_calls', usage(1, 1)),
    ]
    const bytes = toSse(chunks)
    const expected = stream({}, bytes, 0)
    checkGrammar(readEvents(expected))
    for (let at = 0; at <= bytes.length; at++) assert.equal(stream({}, bytes, at), expected, `cut at ${at}`)
  })

  it('ends exactly once, whatever the endpoint sends', () => {
    const anything = fc.oneof(fc.anything(), fc.constantFrom(chunk({ content: 'x' }), chunk({}, 'stop')))
    const delta = fc.record({ content: fc.anything(), reasoning: fc.anything(), tool_calls: fc.anything() })
    const values = fc.oneof(
      anything,
      delta.map((each) => chunk(each)),
      fc.record({ choices: fc.array(anything), usage: fc.anything(), error: fc.anything() }),
    )
    fc.assert(
      fc.property(fc.array(values, { maxLength: 6 }), (list) => {
        const text = list.map((each) => `data: ${stringify(each)}\n\n`).join('')
        checkGrammar(readEvents(stream({}, Buffer.from(text), 0)))
      }),
      { numRuns: 500 },
    )
  })
})

function stringify(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'null'
  } catch {
    return 'null'
  }
}
