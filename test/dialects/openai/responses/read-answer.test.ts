import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { meaning, namedEvents, record } from '../../hub/recording.ts'
import {
  callItem,
  callOf,
  completed,
  created,
  customOf,
  messageItem,
  messageOf,
  type ResponseEvent,
  read,
  readResponses,
  readWhole,
  reasoningItem,
  reasoningOf,
  response,
} from './endpoint-support.ts'

const output = [
  reasoningItem('rs_1', ['Let me see'], { encrypted_content: 'blob' }),
  messageItem('msg_1', 'It is'),
  callItem('fc_1', 'call_1', 'weather', '{"city":"Rome"}'),
  callItem('fc_2', 'call_2', 'now', ''),
]
const whole: ResponseEvent[] = [
  created(),
  ...reasoningOf(0, 'rs_1', { encrypted_content: 'blob' }, 'Let me', ' see'),
  ...messageOf(1, 'msg_1', 'It ', 'is'),
  ...callOf(2, 'fc_1', 'call_1', 'weather', '{"city":', '"Rome"}'),
  ...callOf(3, 'fc_2', 'call_2', 'now'),
  completed({ output }),
]
const content = [
  ['thinking', 'Let me see'],
  ['text', 'It is'],
  ['weather', 'call_1', '{"city":"Rome"}'],
  ['now', 'call_2', '{}'],
]
const usage = {
  promptTokens: 100,
  cachedTokens: 80,
  cacheWriteTokens: 0,
  completionTokens: 30,
  reasoningTokens: 9,
}

describe('a Responses stream', () => {
  it('is read with all that it says', () => {
    const { answer, translation } = read(whole, { endpointMark: 'mark' })
    const { head, ...said } = meaning(answer)
    assert.deepEqual(said, {
      content,
      signatures: ['responses.mark:blob', '', '', ''],
      ending: { reason: 'calls', stopSequence: null, usage, timings: undefined },
      failure: undefined,
    })
    assert.equal(head?.id, 'resp_1')
    assert.equal(head.model, 'm')
    assert.equal(translation.outcome, 'complete')
  })

  it('is the same for every cut in two, and byte by byte', () => {
    const bytes = namedEvents(whole)
    const expected = meaning(record(readResponses, [bytes]).answer)
    for (let at = 0; at <= bytes.length; at++) {
      const { answer } = record(readResponses, [bytes.subarray(0, at), bytes.subarray(at)])
      assert.deepEqual(meaning(answer), expected, `cut at ${at}`)
    }
    const single = record(
      readResponses,
      [...bytes].map((byte) => Buffer.from([byte])),
    )
    assert.deepEqual(meaning(single.answer), expected)
  })

  it('is the same without the names of its events, with CRLF and with [DONE]', () => {
    const expected = meaning(read(whole).answer)
    const text = namedEvents(whole).toString()
    for (const changed of [
      text.replaceAll(/^event: .*\n/gm, ''),
      text.replaceAll('\n', '\r\n'),
      `${text}data: [DONE]\n\n`,
    ])
      assert.deepEqual(meaning(record(readResponses, [Buffer.from(changed)]).answer), expected)
  })

  it('passes each delta at once', () => {
    const events = [
      created(),
      ...messageOf(0, 'm', 'a', 'b'),
      ...callOf(1, 'f', 'c', 'f', '{"a":', '1}'),
      completed(),
    ]
    assert.deepEqual(read(events, { toolNames: ['f'] }).answer.steps, [
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
})

const without = (events: readonly ResponseEvent[], pattern: RegExp) =>
  events.filter(({ type }) => !pattern.test(type))
const changed = (events: readonly ResponseEvent[], change: (event: Record<string, unknown>) => void) =>
  events.map((event) => {
    const copy = structuredClone(event) as Record<string, unknown>
    change(copy)
    return copy as ResponseEvent
  })

describe('Responses streams that differ from the documentation', () => {
  const rows: readonly (readonly [string, readonly ResponseEvent[]])[] = [
    ['no deltas', without(whole, /delta$/)],
    ['only done items', without(whole, /delta$|text\.done|arguments\.done|added|part/)],
    ['only the response at the end', [whole[0] as ResponseEvent, whole.at(-1) as ResponseEvent]],
    ['no done events', without(whole, /\.done$/)],
    ['no start', whole.slice(1)],
    ['an empty output at the end (BerriAI/litellm#32724)', [...whole.slice(0, -1), completed()]],
    [
      'no positions, and all done items at the end, as llama.cpp',
      (() => {
        const bare = changed(whole, (event) => {
          delete event.output_index
          delete event.content_index
        })
        const isDone = ({ type }: ResponseEvent) => type === 'response.output_item.done'
        return [
          ...bare.slice(0, -1).filter((event) => !isDone(event)),
          ...bare.filter(isDone),
          bare.at(-1) as ResponseEvent,
        ]
      })(),
    ],
    [
      'no IDs of items',
      changed(whole, (event) => {
        delete event.item_id
        if (typeof event.item === 'object') delete (event.item as { id?: string }).id
      }),
    ],
    [
      'other IDs at the end (vllm-project/vllm#56285)',
      [
        ...whole.slice(0, -1),
        completed({ output: output.map((item) => ({ ...item, id: `other_${item.id}` })) }),
      ],
    ],
    [
      'another ID in each event, with positions',
      changed(whole, (event) => {
        const id = `id_${Math.random()}`
        if (event.item_id !== undefined) event.item_id = id
        if (typeof event.item === 'object') (event.item as { id?: string }).id = id
      }),
    ],
  ]
  for (const [name, events] of rows) {
    it(`are read with ${name}`, () => {
      const { answer } = read(events)
      assert.deepEqual(answer.content, content)
      assert.deepEqual(answer.ending?.usage, usage)
    })
  }

  it('are read with arguments as an object', () => {
    const item = { ...callItem('fc', 'c', 'f', ''), arguments: { x: 1 } }
    const { answer } = read([
      created(),
      { type: 'response.output_item.done', output_index: 0, item },
      completed(),
    ])
    assert.deepEqual(answer.content, [['f', 'c', '{"x":1}']])
  })

  it('are read with two calls of the same ID', () => {
    const events = [
      created(),
      ...callOf(0, 'fc_1', 'c', 'f', '{"x":1}'),
      ...callOf(1, 'fc_2', 'c', 'f', '{"x":2}'),
      completed(),
    ]
    assert.deepEqual(read(events).answer.content, [
      ['f', 'c', '{"x":1}'],
      ['f', 'c--2', '{"x":2}'],
    ])
  })

  it('are read with interleaved calls', () => {
    const first = callOf(0, 'fc_1', 'a', 'f', '{"x":', '1}')
    const second = callOf(1, 'fc_2', 'b', 'g', '{"y":', '2}')
    const events = first.flatMap((event, at) => [event, second[at] as ResponseEvent])
    assert.deepEqual(read([created(), ...events, completed()]).answer.content, [
      ['f', 'a', '{"x":1}'],
      ['g', 'b', '{"y":2}'],
    ])
  })

  it('ignore hosted tools and unknown events', () => {
    const search = { id: 'ws', type: 'web_search_call', status: 'completed' }
    const events = [
      created(),
      { type: 'response.output_item.added', output_index: 0, item: search },
      { type: 'response.web_search_call.searching', output_index: 0, item_id: 'ws' },
      { type: 'response.output_item.done', output_index: 0, item: search },
      { type: 'response.something.new', delta: 'x' },
      ...messageOf(1, 'm', 'Found'),
      completed(),
    ]
    assert.deepEqual(read(events).answer.content, [['text', 'Found']])
  })
})

describe('reasoning in a Responses stream', () => {
  const summary = (type: string, index: number, given: object) => ({
    type: `response.reasoning_summary_${type}`,
    item_id: 'rs',
    output_index: 0,
    summary_index: index,
    ...given,
  })

  it('is read from summaries, whose parts become paragraphs', () => {
    const events = [
      created(),
      summary('part.added', 0, { part: { type: 'summary_text', text: '' } }),
      summary('text.delta', 0, { delta: 'A' }),
      summary('text.delta', 0, { delta: 'B' }),
      summary('text.done', 0, { text: 'AB' }),
      summary('text.delta', 1, { delta: 'C' }),
      summary('text.done', 1, { text: 'C' }),
      ...messageOf(1, 'm', 'Hi'),
      completed(),
    ]
    assert.equal(read(events).answer.textOf('thinking'), 'AB\n\nC')
  })

  it('is read once if the server sends it and its summary', () => {
    const item = reasoningItem('rs', ['Long'], { summary: [{ type: 'summary_text', text: 'Short' }] })
    const events = [
      created(),
      {
        type: 'response.reasoning_text.delta',
        item_id: 'rs',
        output_index: 0,
        content_index: 0,
        delta: 'Long',
      },
      summary('text.delta', 0, { delta: 'Short' }),
      { type: 'response.output_item.done', output_index: 0, item },
      ...messageOf(1, 'm', 'Hi'),
      completed({ output: [item, messageItem('m', 'Hi')] }),
    ]
    assert.equal(read(events).answer.textOf('thinking'), 'Long')
    assert.equal(readWhole(response({ output: [item] })).answer.textOf('thinking'), 'Long')
  })
})

describe('custom tool calls of a Responses endpoint', () => {
  it('become a function with the argument input', () => {
    const parts = ['*** Begin "', 'patch"\n', '\ud83d', '\ude00']
    const { answer } = read([created(), ...customOf(0, 'ctc', 'c', ...parts), completed()])
    const [name, id, args = ''] = answer.content[0] ?? []
    assert.deepEqual([name, id], ['patch', 'c'])
    assert.deepEqual(JSON.parse(args), { input: '*** Begin "patch"\n\u{1f600}' })
    assert.equal(answer.ending?.reason, 'calls')
  })

  it('are read from done items alone, and whole', () => {
    const item = { id: 'ctc', type: 'custom_tool_call', call_id: 'c', name: 'patch', input: 'a\nb' }
    const expected = [['patch', 'c', '{"input":"a\\nb"}']]
    const done = { type: 'response.output_item.done', output_index: 0, item }
    assert.deepEqual(read([created(), done, completed({ output: [item] })]).answer.content, expected)
    assert.deepEqual(readWhole(response({ output: [item] })).answer.content, expected)
  })
})

describe('text of a Responses stream', () => {
  it('has its logprobs in the form of a chat completion', () => {
    const logprobs = [{ token: 'Hi', logprob: -0.5, top_logprobs: [{ token: 'Ho', logprob: -1 }] }]
    const delta = {
      type: 'response.output_text.delta',
      item_id: 'm',
      output_index: 0,
      content_index: 0,
      delta: 'Hi',
    }
    const { answer } = read([created(), { ...delta, logprobs }, completed()])
    assert.deepEqual(answer.blocks[0]?.logprobs, [
      { token: 'Hi', logprob: -0.5, bytes: null, top_logprobs: [{ bytes: null, token: 'Ho', logprob: -1 }] },
    ])
  })

  it('has refusals, which are text for clients without them', () => {
    const at = { item_id: 'm', output_index: 0, content_index: 0 }
    const events = [
      created(),
      { type: 'response.refusal.delta', ...at, delta: 'No' },
      { type: 'response.refusal.delta', ...at, delta: '.' },
      { type: 'response.refusal.done', ...at, refusal: 'No.' },
      completed(),
    ]
    assert.deepEqual(read(events).answer.content, [['text', 'No.']])
    assert.deepEqual(read(events, { hasRefusals: true }).answer.content, [['refusal', 'No.']])
    const refused = { ...messageItem('m'), content: [{ type: 'refusal', refusal: 'No.' }] }
    const { answer } = readWhole(response({ output: [refused] }), { hasRefusals: true })
    assert.deepEqual(answer.content, [['refusal', 'No.']])
  })

  it('has all parts of a message, also those without deltas', () => {
    const at = { item_id: 'm', output_index: 0 }
    const events = [
      created(),
      { type: 'response.output_text.delta', ...at, content_index: 0, delta: 'A' },
      { type: 'response.output_text.done', ...at, content_index: 0, text: 'A' },
      { type: 'response.output_text.done', ...at, content_index: 1, text: 'B' },
      { type: 'response.output_item.done', output_index: 0, item: messageItem('m', 'A', 'B', 'C') },
      completed(),
    ]
    assert.deepEqual(read(events).answer.content, [['text', 'ABC']])
  })
})
