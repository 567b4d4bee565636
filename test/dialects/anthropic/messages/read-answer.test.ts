import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { meaning, namedEvents, record } from '../../hub/recording.ts'
import {
  begun,
  callOf,
  delta,
  ended,
  type MessageEvent,
  read,
  readMessages,
  readWhole,
  started,
  stopped,
  textOf,
  thinkingOf,
} from './support.ts'

const ping = { type: 'ping' }

describe('a Messages stream', () => {
  const whole: MessageEvent[] = [
    started({ input_tokens: 20, cache_read_input_tokens: 80, output_tokens: 1 }),
    ping,
    ...thinkingOf(0, 'Let me see', 'sig'),
    ...textOf(1, 'It ', 'is'),
    ping,
    ...callOf(2, 'toolu_1', 'weather', '', '{"city":', '"Rome"}'),
    ...callOf(3, 'toolu_2', 'now'),
    ...ended('tool_use', { output_tokens: 30, output_tokens_details: { thinking_tokens: 9 } }),
  ]

  it('is read with all that it says', () => {
    const { answer, translation } = read(whole, { endpointMark: 'mark' })
    assert.deepEqual(meaning(answer), {
      head: {
        id: 'msg_1',
        model: 'm',
        usage: {
          promptTokens: 100,
          cachedTokens: 80,
          cacheWriteTokens: 0,
          completionTokens: 0,
          reasoningTokens: undefined,
        },
      },
      content: [
        ['thinking', 'Let me see'],
        ['text', 'It is'],
        ['weather', 'toolu_1', '{"city":"Rome"}'],
        ['now', 'toolu_2', '{}'],
      ],
      signatures: ['messages.mark:sig', '', '', ''],
      ending: {
        reason: 'calls',
        stopSequence: null,
        usage: {
          promptTokens: 100,
          cachedTokens: 80,
          cacheWriteTokens: 0,
          completionTokens: 30,
          reasoningTokens: 9,
        },
        timings: undefined,
      },
      failure: undefined,
    })
    assert.equal(translation.outcome, 'complete')
  })

  it('is the same for every cut in two, and byte by byte', () => {
    const bytes = namedEvents(whole)
    const expected = meaning(record(readMessages, [bytes]).answer)
    for (let at = 0; at <= bytes.length; at++) {
      const { answer } = record(readMessages, [bytes.subarray(0, at), bytes.subarray(at)])
      assert.deepEqual(meaning(answer), expected, `cut at ${at}`)
    }
    const single = record(
      readMessages,
      [...bytes].map((byte) => Buffer.from([byte])),
    )
    assert.deepEqual(meaning(single.answer), expected)
  })

  it('is the same without the names of its events, and with CRLF', () => {
    const expected = meaning(read(whole).answer)
    const text = namedEvents(whole).toString()
    const unnamed = text.replaceAll(/^event: .*\n/gm, '')
    assert.deepEqual(meaning(record(readMessages, [Buffer.from(unnamed)]).answer), expected)
    const crlf = text.replaceAll('\n', '\r\n')
    assert.deepEqual(meaning(record(readMessages, [Buffer.from(crlf)]).answer), expected)
  })

  it('passes each delta at once', () => {
    const { answer } = read([])
    assert.equal(answer.failure?.statusCode, 502)
    const steps = read(
      [started(), ...textOf(0, 'a', 'b'), ...callOf(1, 't', 'f', '{"a":', '1}'), ...ended()],
      {
        toolNames: ['f'],
      },
    ).answer.steps
    assert.deepEqual(steps, [
      'start',
      'open 0 text',
      'append 0 text',
      'append 0 text',
      'close 0 text',
      'open 1 call',
      'append 1 call',
      'append 1 call',
      'close 1 call',
      'finish',
    ])
  })

  it('reads a call without arguments before the next one begins', () => {
    const { steps } = read(
      [started(), ...callOf(0, 'a', 'f'), begun(1, { type: 'tool_use', id: 'b', name: 'g', input: {} })],
      { toolNames: ['f', 'g'] },
    ).answer
    assert.deepEqual(steps.slice(0, 5), [
      'start',
      'open 0 call',
      'append 0 call',
      'close 0 call',
      'open 1 call',
    ])
  })
})

describe('odd Messages streams', () => {
  const rows: readonly (readonly [string, MessageEvent[], string[][]])[] = [
    [
      'text in the start of a block',
      [started(), begun(0, { type: 'text', text: 'Hi' }), delta(0, 'text_delta', { text: '!' }), ...ended()],
      [['text', 'Hi!']],
    ],
    [
      'the whole input in the start of a block',
      [
        started(),
        begun(0, { type: 'tool_use', id: 'a', name: 'f', input: { x: 1 } }),
        stopped(0),
        ...ended(),
      ],
      [['f', 'a', '{"x":1}']],
    ],
    [
      'the whole input in the start of a block, and again in deltas',
      [
        started(),
        begun(0, { type: 'tool_use', id: 'a', name: 'f', input: { x: 1 } }),
        delta(0, 'input_json_delta', { partial_json: '{"x":1}' }),
        stopped(0),
        ...ended(),
      ],
      [['f', 'a', '{"x":1}']],
    ],
    [
      'two calls with the same ID',
      [started(), ...callOf(0, 'a', 'f', '{"x":1}'), ...callOf(1, 'a', 'f', '{"x":2}'), ...ended()],
      [
        ['f', 'a', '{"x":1}'],
        ['f', 'a--2', '{"x":2}'],
      ],
    ],
    [
      'calls without an ID',
      [started(), begun(0, { type: 'tool_use', name: 'f', input: {} }), stopped(0), ...ended()],
      [['f', 'new_1', '{}']],
    ],
    ['no start', [...textOf(0, 'Hi'), ...ended()], [['text', 'Hi']]],
    [
      'no blocks around deltas',
      [started(), delta(0, 'text_delta', { text: 'Hi' }), ...ended()],
      [['text', 'Hi']],
    ],
    [
      'tools of the server and redacted thinking',
      [
        started(),
        begun(0, { type: 'redacted_thinking', data: 'x' }),
        stopped(0),
        begun(1, { type: 'server_tool_use', id: 's', name: 'web_search', input: {} }),
        delta(1, 'input_json_delta', { partial_json: '{"query":"x"}' }),
        stopped(1),
        begun(2, { type: 'web_search_tool_result', tool_use_id: 's', content: [] }),
        stopped(2),
        ...textOf(3, 'Found'),
        ...ended('tool_use'),
      ],
      [['text', 'Found']],
    ],
    [
      'citations',
      [
        started(),
        begun(0, { type: 'text', text: '', citations: [] }),
        delta(0, 'text_delta', { text: 'As' }),
        delta(0, 'citations_delta', { citation: { type: 'char_location', cited_text: 'x' } }),
        ...ended(),
      ],
      [['text', 'As']],
    ],
    [
      'thoughts between tags in the text',
      [started(), ...textOf(0, '<thi', 'nk>Hm</think>Hi'), ...ended()],
      [
        ['thinking', 'Hm'],
        ['text', 'Hi'],
      ],
    ],
    [
      'thinking between calls',
      [
        started(),
        ...thinkingOf(0, 'A'),
        ...callOf(1, 'a', 'f', '{"x":1}'),
        ...thinkingOf(2, 'B'),
        ...ended(),
      ],
      [
        ['thinking', 'A'],
        ['f', 'a', '{"x":1}'],
        ['thinking', 'B'],
      ],
    ],
  ]
  for (const [name, events, content] of rows) {
    it(`reads ${name}`, () => {
      const { answer } = read(events)
      assert.deepEqual(answer.content, content)
      assert.equal(answer.failure, undefined)
    })
  }

  it('keeps the signature of each thinking block', () => {
    const events = [
      started(),
      ...thinkingOf(0, 'A', 'one'),
      ...callOf(1, 'a', 'f', '{"x":1}'),
      ...thinkingOf(2, 'B', 'two'),
      ...ended(),
    ]
    const signatures = read(events).answer.blocks.map(({ signature }) => signature)
    assert.deepEqual(signatures, ['messages.:one', '', 'messages.:two'])
  })

  it('is complete without message_stop, and without a reason but with message_stop', () => {
    assert.equal(read([started(), ...textOf(0, 'x'), ...ended().slice(0, 1)]).translation.outcome, 'complete')
    assert.equal(
      read([started(), ...textOf(0, 'x'), { type: 'message_stop' }]).translation.outcome,
      'complete',
    )
  })

  it('fails if it ends without either, and if nothing has arrived', () => {
    for (const events of [
      [],
      [ping],
      [started()],
      [started(), ...textOf(0, 'half')],
      [started(), ...textOf(0, 'half'), ...ended(null).slice(0, 1)],
      [started(), { type: 'message_stop' }],
    ]) {
      const { answer } = read(events)
      assert.equal(answer.failure?.message, 'The endpoint ended its answer before it was complete.')
    }
  })

  it('reports an error inside an answer', () => {
    const error = { type: 'overloaded_error', message: 'Overloaded' }
    for (const event of [
      { type: 'error', error },
      { type: 'error', error, request_id: 'req' },
    ]) {
      const { answer } = read([started(), ...textOf(0, 'half'), event, ...ended()])
      assert.deepEqual(
        { ...answer.failure, contextLimit: undefined },
        {
          statusCode: 503,
          endpointType: 'overloaded_error',
          code: undefined,
          param: undefined,
          message: 'Overloaded',
          contextLimit: undefined,
        },
      )
    }
  })

  it('recognizes a full context in an error', () => {
    const error = { type: 'invalid_request_error', message: 'prompt is too long: 5000 tokens > 4096 maximum' }
    const { failure } = read([{ type: 'error', error }]).answer
    assert.equal(failure?.statusCode, 400)
    assert.equal(failure?.contextLimit?.kind, 'prompt')
  })
})

describe('a whole message', () => {
  const message = {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'm',
    content: [
      { type: 'thinking', thinking: 'Hm', signature: 'sig' },
      { type: 'text', text: 'Hi' },
      { type: 'server_tool_use', id: 's', name: 'web_search', input: {} },
      { type: 'tool_use', id: 'a', name: 'f', input: { x: 1 } },
      { type: 'tool_use', id: 'b', name: 'f', input: {} },
    ],
    stop_reason: 'tool_use',
    stop_sequence: null,
    usage: { input_tokens: 20, cache_read_input_tokens: 80, output_tokens: 5 },
  }
  const content = [
    ['thinking', 'Hm'],
    ['text', 'Hi'],
    ['f', 'a', '{"x":1}'],
    ['f', 'b', '{}'],
  ]

  it('is read like its stream', () => {
    const { answer } = readWhole(message)
    assert.deepEqual(answer.content, content)
    assert.equal(answer.ending?.reason, 'calls')
    assert.equal(answer.ending.usage.promptTokens, 100)
    assert.equal(answer.blocks[0]?.signature, 'messages.:sig')
  })

  it('is read in place of a stream, and a stream without its type', () => {
    assert.deepEqual(read([message]).answer.content, content)
    const { type, ...untyped } = message
    assert.deepEqual(readWhole(untyped).answer.content, content)
  })

  it('keeps long integers', () => {
    const body = JSON.stringify(message).replace('"x":1', '"x":12345678901234567890')
    const { answer } = record(readMessages, [Buffer.from(body)], {}, 'whole')
    assert.equal(answer.content[2]?.[2], '{"x":12345678901234567890}')
  })

  it('splits thoughts whose opening tag was in the prompt', () => {
    const { answer } = readWhole({ ...message, content: [{ type: 'text', text: 'Hm</think>Hi' }] })
    assert.deepEqual(answer.content, [
      ['thinking', 'Hm'],
      ['text', 'Hi'],
    ])
  })

  it('reports the errors of any server', () => {
    const error = { type: 'not_found_error', message: 'no model x' }
    for (const body of [
      { type: 'error', error },
      { error },
      { error: 'no model x' },
      { detail: 'no model x' },
      { object: 'error', message: 'no model x', code: 404 },
    ])
      assert.equal(readWhole(body).answer.failure?.message, 'no model x')
  })

  it('fails if it has nothing', () => {
    assert.notEqual(readWhole({ type: 'message', content: [] }).answer.failure, undefined)
    assert.equal(readWhole({ ...message, content: [] }).answer.ending?.reason, 'end')
  })
})
