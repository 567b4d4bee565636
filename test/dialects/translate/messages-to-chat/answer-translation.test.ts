import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  type AnswerFraming,
  chunk,
  cutBytes,
  expectedAnswer,
  fixture,
  readEvents,
  toSse,
  translateAnswer,
} from './support.ts'

function translate(from: AnswerFraming, to: AnswerFraming, chunks: readonly Buffer[], given = {}) {
  const translation = translateAnswer(from, to, expectedAnswer(given))
  const parts = chunks.map((each) => translation.push(each))
  const text = Buffer.concat([...parts, translation.end()]).toString()
  return { text, outcome: translation.outcome }
}

const translateStream = (chunks: readonly object[], end?: string, given = {}) => {
  const { text, outcome } = translate('stream', 'stream', [toSse(chunks, end)], given)
  return { events: readEvents(text), outcome }
}

const recorded = readdirSync(new URL('./fixtures', import.meta.url))
  .filter((name) => name.endsWith('.chat.sse'))
  .map((name) => name.slice(0, -'.chat.sse'.length))

describe('translation of recorded streams', () => {
  for (const name of recorded) {
    const chat = fixture(`${name}.chat.sse`)
    const events = fixture(`${name}.message.sse`).toString()

    it(`${name}: to events`, () => {
      assert.equal(translate('stream', 'stream', [chat]).text, events)
    })

    it(`${name}: to one body, for a client that requested no stream`, () => {
      const { text } = translate('stream', 'whole', [chat])
      assert.deepEqual(JSON.parse(text), JSON.parse(fixture(`${name}.message.json`).toString()))
    })

    it(`${name}: is the same for every cut in two`, () => {
      for (let at = 0; at <= chat.length; at++) {
        const { text } = translate('stream', 'stream', [chat.subarray(0, at), chat.subarray(at)])
        assert.equal(text, events, `cut at ${at}`)
      }
    })

    it(`${name}: is the same for any chunk boundaries`, () => {
      fc.assert(
        fc.property(fc.array(fc.nat(10_000), { maxLength: 40 }), (cuts) => {
          assert.equal(translate('stream', 'stream', cutBytes(chat, cuts)).text, events)
        }),
      )
    })

    it(`${name}: is the same byte by byte`, () => {
      const bytes = [...chat].map((byte) => Buffer.from([byte]))
      assert.equal(translate('stream', 'stream', bytes).text, events)
    })
  }
})

describe('a translated stream', () => {
  it('passes every delta with the chunk that contains it', () => {
    const translation = translateAnswer('stream', 'stream', expectedAnswer())
    const push = (value: object) =>
      readEvents(translation.push(toSse([value], '')).toString()).map(({ type }) => type)
    const call = (piece: string) => ({ tool_calls: [{ index: 0, function: { arguments: piece } }] })
    assert.deepEqual(push(chunk({ role: 'assistant', content: '' })), ['message_start'])
    assert.deepEqual(push(chunk({ content: 'Hi' })), ['content_block_start', 'content_block_delta'])
    assert.deepEqual(push(chunk({ content: '!' })), ['content_block_delta'])
    assert.deepEqual(
      push(chunk({ tool_calls: [{ index: 0, id: 'c', function: { name: 'f', arguments: '' } }] })),
      ['content_block_stop', 'content_block_start'],
    )
    assert.deepEqual(push(chunk(call('{"a":'))), ['content_block_delta'])
    assert.deepEqual(push(chunk(call('1}'))), ['content_block_delta'])
    assert.deepEqual(push(chunk({}, 'tool_calls')), ['content_block_stop'])
    assert.deepEqual(push({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 2 } }), [
      'message_delta',
      'message_stop',
    ])
    assert.equal(translation.outcome, 'complete')
  })

  it('has exact counts from the first event on if the endpoint does', () => {
    const usage = { prompt_tokens: 20, completion_tokens: 0, prompt_tokens_details: { cached_tokens: 15 } }
    const { events } = translateStream([{ ...chunk({ content: 'x' }), usage }, chunk({}, 'stop')])
    assert.deepEqual((events[0]?.message as { usage: unknown } | undefined)?.usage, {
      input_tokens: 5,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 15,
      output_tokens: 0,
    })
  })

  it('is complete with [DONE] but no finish reason, and with a finish reason but no [DONE]', () => {
    assert.equal(translateStream([chunk({ content: 'x' })]).outcome, 'complete')
    assert.equal(translateStream([chunk({ content: 'x' }, 'stop')], '').outcome, 'complete')
  })

  it('never ends successfully if the endpoint broke it off', () => {
    const broken = [
      translateStream([], ''),
      translateStream([]),
      translateStream([chunk({ role: 'assistant', content: '' })]),
      translateStream([chunk({ content: 'half' })], ''),
      translateStream([chunk({ content: 'half' })], 'data: {"choices":[{"del'),
      translateStream([chunk({ content: 'half' }, 'abort')]),
      translateStream([chunk({ content: 'half' }), { error: 'out of memory' }]),
      translateStream([{ object: 'error', message: 'no', code: 400 }]),
    ]
    for (const { events, outcome } of broken) {
      assert.equal(outcome, 'failed')
      assert.equal(events.at(-1)?.type, 'error')
      assert.equal(
        events.some(({ type }) => type === 'message_delta' || type === 'message_stop'),
        false,
      )
    }
  })

  it('reports an error with its type, and nothing after it', () => {
    const { events } = translateStream([
      { error: { message: 'slow down', code: 429 } },
      chunk({ content: 'late' }, 'stop'),
    ])
    assert.deepEqual(events, [
      { type: 'error', error: { type: 'rate_limit_error', message: 'slow down' }, request_id: 'req' },
    ])
  })

  it('fails on an event larger than the buffer', () => {
    const { text, outcome } = translate('stream', 'stream', [
      Buffer.from(`data: ${'x'.repeat(9_000_000)}\n\n`),
    ])
    assert.equal(outcome, 'failed')
    assert.match(text, /too large/)
  })

  it('omits thinking if the request disables it', () => {
    const chunks = [
      chunk({ reasoning: 'hm' }),
      chunk({ reasoning_content: 'hm' }),
      chunk({ content: 'yes' }, 'stop'),
    ]
    const { events } = translateStream(chunks, undefined, { thinking: 'off' })
    assert.equal(JSON.stringify(events).includes('hm'), false)
    const tagged = translateStream([chunk({ content: '<think>hm</think>yes' }, 'stop')], undefined, {
      thinking: 'off',
    })
    assert.equal(JSON.stringify(tagged.events).includes('hm'), false)
  })

  it('reads content parts, as Mistral sends them, and a refusal', () => {
    const parts = [
      { type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] },
      { type: 'text', text: 'yes' },
    ]
    const { text } = translate('stream', 'whole', [
      toSse([chunk({ content: parts }), chunk({ refusal: ' no' }, 'content_filter')]),
    ])
    const message = JSON.parse(text)
    assert.deepEqual(message.content, [
      { type: 'thinking', thinking: 'hm', signature: '' },
      { type: 'text', text: 'yes no' },
    ])
    assert.equal(message.stop_reason, 'refusal')
  })
})

describe('tool calls from deviating servers', () => {
  const callsOf = (...deltas: object[]) => {
    const chunks = [...deltas.map((each) => chunk({ tool_calls: [each] })), chunk({}, 'stop')]
    const { text } = translate('stream', 'whole', [toSse(chunks)])
    const message = JSON.parse(text) as { content: object[]; stop_reason: string }
    return { content: message.content, stopReason: message.stop_reason }
  }

  it('count as calls even if the finish reason is stop', () => {
    const { stopReason } = callsOf({ index: 0, id: 'a', function: { name: 'f', arguments: '{}' } })
    assert.equal(stopReason, 'tool_use')
  })

  const cutOff = [
    ['in a string', '{"path": "/a", "text": "The beg', 'max_tokens'],
    ['after a member', '{"path": "/a", ', 'max_tokens'],
    ['in a nested object', '{"a": {"b": 1}', 'max_tokens'],
    ['nowhere', '{"path": "/a"}', 'tool_use'],
    ['before anything', '', 'tool_use'],
    ['before anything but a brace', '{', 'tool_use'],
  ] as const
  for (const [where, args, stopReason] of cutOff) {
    it(`with arguments that end ${where} report ${stopReason}, although the endpoint reports them as complete`, () => {
      const call = { index: 0, id: 'a', function: { name: 'f', arguments: args } }
      const chunks = [chunk({ tool_calls: [call] }), chunk({}, 'tool_calls')]
      const { events } = translateStream(chunks)
      const ending = events.find(({ type }) => type === 'message_delta')?.delta
      assert.deepEqual(ending, { stop_reason: stopReason, stop_sequence: null })
      assert.equal(callsOf(call).stopReason, stopReason)
    })
  }

  it('may lack an index', () => {
    const { content } = callsOf(
      { id: 'a', function: { name: 'f', arguments: '{"x":' } },
      { function: { arguments: '1}' } },
      { id: 'b', function: { name: 'g', arguments: '{}' } },
    )
    assert.deepEqual(content, [
      { type: 'tool_use', id: 'a', name: 'f', input: { x: 1 } },
      { type: 'tool_use', id: 'b', name: 'g', input: {} },
    ])
  })

  it('may lack an ID, start with arguments, send them as an object, or repeat ID and name', () => {
    const { content } = callsOf(
      { index: 0, function: { arguments: '{"x":' } },
      { index: 0, function: { name: 'f', arguments: '1}' } },
      { index: 1, id: 'b', function: { name: 'g', arguments: { y: 2 } } },
      { index: 2, id: 'c', function: { name: 'h', arguments: '{"z"' } },
      { index: 2, id: 'c', function: { name: 'h', arguments: ':3}' } },
    )
    assert.deepEqual(content, [
      { type: 'tool_use', id: 'toolu_new_1', name: 'f', input: { x: 1 } },
      { type: 'tool_use', id: 'b', name: 'g', input: { y: 2 } },
      { type: 'tool_use', id: 'c', name: 'h', input: { z: 3 } },
    ])
  })

  it('keep integers beyond 2^53, and keep broken JSON under a separate key', () => {
    const { text } = translate('stream', 'whole', [
      toSse([
        chunk({
          tool_calls: [{ index: 0, id: 'a', function: { name: 'f', arguments: '{"id":9007199254740993}' } }],
        }),
        chunk({}, 'stop'),
      ]),
    ])
    assert.match(text, /"id":9007199254740993\}/)
    const broken = callsOf({ index: 0, id: 'a', function: { name: 'f', arguments: '{"id":' } })
    assert.deepEqual(broken.content, [
      { type: 'tool_use', id: 'a', name: 'f', input: { INVALID_JSON: '{"id":' } },
    ])
  })
})

describe('a whole completion', () => {
  const completion = {
    model: 'm',
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          reasoning_content: 'hm',
          content: 'yes',
          tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{"x":1}' } }],
        },
        finish_reason: 'tool_calls',
      },
    ],
    usage: { prompt_tokens: 9, completion_tokens: 4 },
  }
  const bytes = Buffer.from(JSON.stringify(completion))

  it('becomes one body', () => {
    const { text } = translate('whole', 'whole', cutBytes(bytes, [3, 50]))
    assert.deepEqual(JSON.parse(text), {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      model: 'm',
      content: [
        { type: 'thinking', thinking: 'hm', signature: '' },
        { type: 'text', text: 'yes' },
        { type: 'tool_use', id: 'a', name: 'f', input: { x: 1 } },
      ],
      stop_reason: 'tool_use',
      stop_sequence: null,
      usage: {
        input_tokens: 9,
        cache_creation_input_tokens: 0,
        cache_read_input_tokens: 0,
        output_tokens: 4,
      },
    })
  })

  it('becomes events for a client that requested a stream', () => {
    const events = readEvents(translate('whole', 'stream', [bytes]).text)
    assert.equal(events[0]?.type, 'message_start')
    assert.equal(events.at(-1)?.type, 'message_stop')
    assert.equal(events.filter(({ type }) => type === 'content_block_start').length, 3)
  })

  it('has an empty text if the model generated none', () => {
    const empty = { ...completion, choices: [{ message: { content: '' }, finish_reason: 'stop' }] }
    const { text } = translate('whole', 'whole', [Buffer.from(JSON.stringify(empty))])
    assert.deepEqual(JSON.parse(text).content, [{ type: 'text', text: '' }])
  })

  it('fails if it is not a completion', () => {
    for (const body of ['', 'busy', '[]', '{}', '{"choices":[]}', '{"error":{"message":"no"}}']) {
      const { text, outcome } = translate('whole', 'whole', [Buffer.from(body)])
      assert.equal(outcome, 'failed', body)
      assert.equal(JSON.parse(text).type, 'error')
    }
  })
})
