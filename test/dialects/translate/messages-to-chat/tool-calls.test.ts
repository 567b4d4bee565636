import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  type AnswerFraming,
  chunk,
  type ExpectedAnswer,
  expectedAnswer,
  readEvents,
  toSse,
  translateAnswer,
} from './support.ts'

interface Call {
  readonly id?: string
  readonly name: string
  readonly input: unknown
}

const call = (name: string, args: unknown, more: object = {}) => ({
  type: 'function',
  function: { name, arguments: args },
  ...more,
})
const delta = (text: string, more: object = {}) => ({ function: { arguments: text }, ...more })

const run = (from: AnswerFraming, to: AnswerFraming, bytes: Buffer, expected: Partial<ExpectedAnswer>) => {
  const translation = translateAnswer(
    from,
    to,
    expectedAnswer({ toolNames: ['a', 'b', 'get_weather'], ...expected }),
  )
  const text = translation.push(bytes).toString() + translation.end().toString()
  assert.equal(translation.outcome, 'complete', text)
  return text
}

/** The calls of a stream, as a client collects them from its events. */
function streamed(
  deltas: readonly (object | readonly object[])[],
  expected: Partial<ExpectedAnswer> = {},
): Call[] {
  const chunks = deltas.map((each) => chunk({ tool_calls: Array.isArray(each) ? each : [each] }))
  const text = run('stream', 'stream', toSse([...chunks, chunk({}, 'tool_calls')]), expected)
  const calls: { id: string; name: string; json: string }[] = []
  for (const event of readEvents(text)) {
    const block = event.content_block as { type: string; id: string; name: string } | undefined
    if (block?.type === 'tool_use') calls.push({ id: block.id, name: block.name, json: '' })
    const delta = event.delta as { partial_json?: string } | undefined
    const last = calls.at(-1)
    if (last !== undefined) last.json += delta?.partial_json ?? ''
  }
  return calls.map(({ id, name, json }) => ({ id, name, input: JSON.parse(json) as unknown }))
}

function whole(calls: readonly object[], expected: Partial<ExpectedAnswer> = {}): Call[] {
  const message = { role: 'assistant', content: null, tool_calls: calls }
  const body = Buffer.from(JSON.stringify({ choices: [{ index: 0, message, finish_reason: 'tool_calls' }] }))
  const { content } = JSON.parse(run('whole', 'whole', body, expected)) as {
    content: (Call & { type: string })[]
  }
  return content
    .filter(({ type }) => type === 'tool_use')
    .map(({ id, name, input }) => ({ id: id ?? '', name, input }))
}

const withoutIds = (calls: readonly Call[]) => calls.map(({ name, input }) => ({ name, input }))
const x1 = '{"x":1}'
const y2 = '{"y":2}'
const aAndB = [
  { name: 'a', input: { x: 1 } },
  { name: 'b', input: { y: 2 } },
]
const onlyA = [{ name: 'a', input: { x: 1 } }]

describe('two calls of a stream stay separate', () => {
  const shapes: readonly [string, readonly (object | readonly object[])[]][] = [
    ['no ID, no index, in one chunk', [[call('a', x1), call('b', y2)]]],
    ['no ID, no index, in two chunks', [call('a', x1), call('b', y2)]],
    ['empty IDs', [call('a', x1, { id: '' }), call('b', y2, { id: '' })]],
    ['index 0 for both, no ID', [call('a', x1, { index: 0 }), call('b', y2, { index: 0 })]],
    ['index 0 for both, IDs', [call('a', x1, { index: 0, id: 'c1' }), call('b', y2, { index: 0, id: 'c2' })]],
    ['one ID, two indexes', [call('a', x1, { index: 0, id: 'c' }), call('b', y2, { index: 1, id: 'c' })]],
    ['one ID, no index', [call('a', x1, { id: 'c' }), call('b', y2, { id: 'c' })]],
    [
      'one ID, index 0 for both',
      [call('a', x1, { index: 0, id: 'c' }), call('b', y2, { index: 0, id: 'c' })],
    ],
    [
      'in fragments, IDs but no index',
      [call('a', '', { id: 'c1' }), delta('{"x":'), delta('1}'), call('b', '', { id: 'c2' }), delta(y2)],
    ],
    [
      'in fragments, no ID, no index',
      [call('a', ''), delta('{"x":'), delta('1}'), call('b', ''), delta('{"y"'), delta(':2}')],
    ],
    [
      'interleaved',
      [
        [call('a', '', { index: 0, id: 'c1' }), call('b', '', { index: 1, id: 'c2' })],
        [delta('{"x":', { index: 0 }), delta('{"y":', { index: 1 })],
        [delta('1}', { index: 0 }), delta('2}', { index: 1 })],
      ],
    ],
    ['arguments as objects', [call('a', { x: 1 }), call('b', { y: 2 })]],
    [
      'the index after the first fragment is missing',
      [call('a', '{"x":', { index: 0, id: 'c1' }), delta('1}'), call('b', y2, { index: 1, id: 'c2' })],
    ],
    [
      'interleaved, indexes as texts',
      [
        [call('a', '', { index: '0', id: 'c1' }), call('b', '', { index: '1', id: 'c2' })],
        [delta('{"x":1}', { index: '0' }), delta('{"y":2}', { index: '1' })],
      ],
    ],
    ['numbers as IDs', [call('a', x1, { id: 7 }), call('b', y2, { id: 8 })]],
    [
      'null for ID and index',
      [call('a', x1, { id: null, index: null }), call('b', y2, { id: null, index: null })],
    ],
    ['indexes from 1', [call('a', x1, { index: 1, id: 'c1' }), call('b', y2, { index: 2, id: 'c2' })]],
    [
      'the first is sent twice',
      [call('a', x1, { id: 'c1' }), call('a', x1, { id: 'c1' }), call('b', y2, { id: 'c2' })],
    ],
  ]
  for (const [shape, deltas] of shapes) {
    it(shape, () => {
      const calls = streamed(deltas)
      assert.deepEqual(withoutIds(calls), aAndB)
      assert.equal(new Set(calls.map(({ id }) => id)).size, 2, 'IDs are unique')
    })
  }

  it('if both call the same tool', () => {
    assert.deepEqual(withoutIds(streamed([call('a', x1), call('a', y2)])), [
      { name: 'a', input: { x: 1 } },
      { name: 'a', input: { y: 2 } },
    ])
    const same = [call('a', x1, { index: 0, id: 'c' }), call('a', y2, { index: 0, id: 'c' })]
    assert.equal(streamed(same).length, 2)
  })

  it('if neither has arguments', () => {
    assert.deepEqual(withoutIds(streamed([call('a', ''), call('b', '')])), [
      { name: 'a', input: {} },
      { name: 'b', input: {} },
    ])
  })
})

describe('one call of a stream stays one', () => {
  const start = { index: 0, id: 'c1' }
  const shapes: readonly [string, readonly (object | readonly object[])[]][] = [
    ['whole', [call('a', x1, start)]],
    [
      'another ID in every fragment',
      [
        call('a', undefined, start),
        delta('{"x":', { index: 0, id: 'c2' }),
        delta('1}', { index: 0, id: 'c3' }),
      ],
    ],
    [
      'another ID in every fragment, no index',
      [call('a', '', { id: 'c1' }), delta('{"x":', { id: 'c2' }), delta('1}', { id: 'c3' })],
    ],
    [
      'ID and name in every fragment',
      [call('a', '{"x"', start), call('a', ':1', start), call('a', '}', start)],
    ],
    [
      'the name in every fragment',
      [call('a', '{"x"', { index: 0 }), call('a', ':1', { index: 0 }), call('a', '}', { index: 0 })],
    ],
    ['name and no arguments at the end', [call('a', x1, { index: 0 }), call('a', '', { index: 0 })]],
    [
      'another index in every fragment',
      [call('a', '', start), delta('{"x":', { index: 1 }), delta('1}', { index: 2 })],
    ],
    ['the arguments again', [call('a', '', start), delta(x1, { index: 0 }), delta(x1, { index: 0 })]],
    ['the arguments again in the same fragment', [call('a', x1 + x1, start)]],
    [
      'the arguments again in two fragments',
      [
        call('a', '', start),
        delta(x1, { index: 0 }),
        delta('{"x":', { index: 0 }),
        delta('1}', { index: 0 }),
      ],
    ],
    ['other arguments after the first', [call('a', x1, start), delta('{"x":2}', { index: 0 })]],
    ['the whole call again', [call('a', x1, start), call('a', x1, start)]],
    ['an empty object, then the real one', [call('a', '{}', start), delta(x1, { index: 0 })]],
    [
      'an empty object, then the real one with the name again',
      [call('a', '{}', start), call('a', x1, start)],
    ],
    ['an empty object and the real one together', [call('a', `{}${x1}`, start)]],
    ['null, then the real one', [call('a', 'null', start), delta(x1, { index: 0 })]],
    ['an object inside a string', [call('a', JSON.stringify(x1), start)]],
    ['space around it', [call('a', ' \n', start), delta(`  ${x1}`, { index: 0 }), delta('\n', { index: 0 })]],
    ['a closing brace too many', [call('a', x1, start), delta('}', { index: 0 })]],
    ['an end marker after it', [call('a', `${x1}</tool_call>`, start)]],
  ]
  for (const [shape, deltas] of shapes) it(shape, () => assert.deepEqual(withoutIds(streamed(deltas)), onlyA))

  it('with its name in parts', () => {
    const expected = [{ name: 'get_weather', input: {} }]
    const pieces = [call('get_', '', start), call('weather', '', { index: 0 }), delta('{}', { index: 0 })]
    assert.deepEqual(withoutIds(streamed(pieces)), expected)
    const growing = [
      call('get_', '', start),
      call('get_weather', '', { index: 0 }),
      delta('{}', { index: 0 }),
    ]
    assert.deepEqual(withoutIds(streamed(growing)), expected)
  })
})

describe('arguments become an object', () => {
  const cases: readonly [unknown, unknown][] = [
    ['{}', {}],
    ['', {}],
    [' ', {}],
    ['null', {}],
    [null, {}],
    [undefined, {}],
    ['""', {}],
    ['[]', {}],
    ['"{}"', {}],
    [{ x: 1 }, { x: 1 }],
    [{}, {}],
    [JSON.stringify(x1), { x: 1 }],
    ['{"x": "abc', { INVALID_JSON: '{"x": "abc' }],
    ['{x: 1}', { INVALID_JSON: '{x: 1}' }],
    ['[1]', { INVALID_JSON: '[1]' }],
    ['7', { INVALID_JSON: '7' }],
    ['"ls -l"', { INVALID_JSON: 'ls -l' }],
    ['```json\n{"x":1}\n```', { INVALID_JSON: '```json\n{"x":1}\n```' }],
  ]
  for (const [args, input] of cases) {
    it(`${JSON.stringify(args)} in a whole message`, () =>
      assert.deepEqual(withoutIds(whole([call('a', args)])), [{ name: 'a', input }]))
  }
  for (const [args, input] of cases.filter(
    ([text]) => !(typeof text === 'string' && text.startsWith('{x')) && !String(text).startsWith('{"x": "'),
  )) {
    it(`${JSON.stringify(args)} in a stream`, () =>
      assert.deepEqual(withoutIds(streamed([call('a', args, { index: 0, id: 'c' })])), [
        { name: 'a', input },
      ]))
  }

  it('for any chunk boundaries', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.array(fc.nat(200), { maxLength: 6 }),
        fc.string(),
        (input, cuts, behind) => {
          const text = `${JSON.stringify(input)}${behind.replaceAll('{', '')}`
          const offsets = [
            0,
            ...cuts.map((cut) => cut % (text.length + 1)).sort((one, two) => one - two),
            text.length,
          ]
          const pieces = offsets.slice(1).map((end, at) => delta(text.slice(offsets[at], end), { index: 0 }))
          const [found] = streamed([call('a', '', { index: 0, id: 'c' }), ...pieces])
          assert.deepEqual(found?.input, JSON.parse(JSON.stringify(input)))
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe('calls of a whole message', () => {
  const shapes: readonly [string, readonly object[]][] = [
    ['no ID, no index', [call('a', x1), call('b', y2)]],
    ['empty IDs', [call('a', x1, { id: '' }), call('b', y2, { id: '' })]],
    ['one ID', [call('a', x1, { id: 'c' }), call('b', y2, { id: 'c' })]],
    ['one index', [call('a', x1, { index: 0 }), call('b', y2, { index: 0 })]],
  ]
  for (const [shape, calls] of shapes) {
    it(shape, () => {
      const found = whole(calls)
      assert.deepEqual(withoutIds(found), aAndB)
      assert.equal(new Set(found.map(({ id }) => id)).size, 2)
    })
  }

  it('are separate even if they are equal', () => {
    assert.equal(whole([call('a', x1), call('a', x1)]).length, 2)
  })

  it('may be in the older function_call form', () => {
    const legacy = { function_call: { name: 'a', arguments: x1 } }
    const stream = run('stream', 'whole', toSse([chunk(legacy), chunk({}, 'function_call')]), {})
    assert.partialDeepStrictEqual(JSON.parse(stream), {
      stop_reason: 'tool_use',
      content: [{ name: 'a', input: { x: 1 } }],
    })
    const pieces = [
      chunk({ function_call: { name: 'a', arguments: '' } }),
      chunk({ function_call: { arguments: x1 } }),
    ]
    const streamedText = run('stream', 'whole', toSse([...pieces, chunk({}, 'function_call')]), {})
    assert.partialDeepStrictEqual(JSON.parse(streamedText), { content: [{ name: 'a', input: { x: 1 } }] })
  })
})

describe('IDs of calls', () => {
  it('stay as the endpoint sent them if they are not in use', () => {
    assert.deepEqual(
      whole([call('a', x1, { id: 'functions.a:0' })], { callIds: ['functions.a:1'] })[0]?.id,
      'functions.a:0',
    )
  })

  it('get a number if the answer or the history already has them', () => {
    const ids = (calls: readonly Call[]) => calls.map(({ id }) => id)
    assert.deepEqual(ids(whole([call('a', x1, { id: 'c' }), call('b', y2, { id: 'c' })])), ['c', 'c--2'])
    assert.deepEqual(ids(whole([call('a', x1, { id: 'c' })], { callIds: ['c', 'c--2'] })), ['c--3'])
    assert.deepEqual(ids(streamed([call('a', x1, { index: 0, id: 'c' })], { callIds: ['c'] })), ['c--2'])
  })

  it("are mapped back to the client's full names", () => {
    const originalNames = new Map([['short', 'a very long name']])
    assert.equal(whole([call('short', x1)], { originalNames })[0]?.name, 'a very long name')
  })
})
