import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { AnswerBuilder } from '../../../src/dialects/hub/answer/answer-builder.ts'
import { ollamaChatWriter } from '../../../src/dialects/ollama/chat/write-answer.ts'
import { chunk, cutBytes, fixture, toSse } from '../translate/messages-to-chat/support.ts'
import {
  conversation,
  createdAt,
  expectedAnswer,
  formatCall,
  type Line,
  readLines,
  toOllama,
} from './support.ts'

const usage = { prompt_tokens: 26, completion_tokens: 9 }
const head = { model: 'asked', created_at: createdAt }
const ending = {
  done: true,
  done_reason: 'stop',
  total_duration: 2,
  load_duration: 0,
  prompt_eval_count: 26,
  prompt_eval_duration: 1,
  eval_count: 9,
  eval_duration: 1,
}

/** Translates the chunks of a chat stream. */
function lines(chunks: readonly object[], { operation = 'chat' as 'chat' | 'generate', settings = {} } = {}) {
  const call = formatCall({ conversation: conversation(settings) })
  const translation = toOllama('sse', call, operation)
  const bytes = Buffer.concat([translation.push(toSse(chunks)), translation.end()])
  return readLines(bytes.toString())
}

function whole(chunks: readonly object[], { operation = 'chat' as 'chat' | 'generate', settings = {} } = {}) {
  const call = formatCall({ isStream: false, conversation: conversation(settings) })
  const translation = toOllama('sse', call, operation)
  return JSON.parse(Buffer.concat([translation.push(toSse(chunks)), translation.end()]).toString()) as Line
}

const messageLine = (message: object, more: object = {}) => ({
  ...head,
  message: { role: 'assistant', content: '', ...message },
  ...more,
  done: false,
})

describe('an answer of /api/chat', () => {
  const chunks = [
    chunk({ reasoning_content: 'hm' }),
    chunk({ content: 'Hel' }),
    chunk({ content: 'lo' }),
    chunk({ tool_calls: [{ index: 0, id: 'a', function: { name: 'f', arguments: '{"x":\n' } }] }),
    chunk({ tool_calls: [{ index: 0, function: { arguments: '1}' } }] }),
    chunk({ tool_calls: [{ index: 1, id: 'b', function: { name: 'g', arguments: '' } }] }),
    chunk({}, 'tool_calls'),
    { choices: [], usage },
  ]

  it('is one line per part, with each call whole', () => {
    assert.deepEqual(lines(chunks), [
      messageLine({ thinking: 'hm' }),
      messageLine({ content: 'Hel' }),
      messageLine({ content: 'lo' }),
      messageLine({ tool_calls: [{ function: { name: 'f', arguments: { x: 1 } } }] }),
      messageLine({ tool_calls: [{ function: { name: 'g', arguments: {} } }] }),
      { ...head, message: { role: 'assistant', content: '' }, ...ending },
    ])
  })

  it('is one object if the client wants no stream', () => {
    assert.deepEqual(whole(chunks), {
      ...head,
      message: {
        role: 'assistant',
        content: 'Hello',
        thinking: 'hm',
        tool_calls: [
          { function: { name: 'f', arguments: { x: 1 } } },
          { function: { name: 'g', arguments: {} } },
        ],
      },
      ...ending,
    })
  })

  it('passes each text with the event that contains it', () => {
    const translation = toOllama('sse', formatCall())
    const push = (value: object) => readLines(translation.push(toSse([value], '')).toString()).length
    assert.equal(push(chunk({ role: 'assistant', content: '' })), 0)
    assert.equal(push(chunk({ content: 'a' })), 1)
    assert.equal(push(chunk({ reasoning: 'b' })), 1)
    assert.equal(push(chunk({ tool_calls: [{ index: 0, function: { name: 'f', arguments: '{"x"' } }] })), 0)
    assert.equal(push(chunk({ tool_calls: [{ index: 0, function: { arguments: ':1}' } }] })), 0)
    assert.equal(push(chunk({}, 'tool_calls')), 1)
    assert.equal(push({ choices: [], usage }), 1)
    assert.equal(translation.outcome, 'complete')
  })

  for (const [finish, reason] of [
    ['stop', 'stop'],
    ['length', 'length'],
    ['model_length', 'length'],
    ['content_filter', 'stop'],
    ['tool_calls', 'stop'],
  ] as const) {
    it(`has the done_reason ${reason} for ${finish}`, () => {
      const given = [chunk({ content: 'x' }), chunk({}, finish), { choices: [], usage }]
      assert.equal(lines(given).at(-1)?.done_reason, reason)
      assert.equal(whole(given).done_reason, reason)
    })
  }

  it('keeps integers beyond 2^53 in arguments, on one line', () => {
    const args = '{\n  "id": 9007199254740993,\n  "text": "a\\nb"\n}'
    const call = toOllama('sse', formatCall())
    const delta = { tool_calls: [{ index: 0, id: 'a', function: { name: 'f', arguments: args } }] }
    const text = Buffer.concat([call.push(toSse([chunk(delta), chunk({}, 'stop')])), call.end()]).toString()
    assert.match(text, /"arguments":\{"id":9007199254740993,"text":"a\\nb"\}/)
    assert.equal(readLines(text).length, 2)
  })

  it('has no call whose arguments were cut off, because clients run every call', () => {
    const given = [
      chunk({ tool_calls: [{ index: 0, id: 'a', function: { name: 'f', arguments: '{"path":"/a' } }] }),
      chunk({}, 'length'),
    ]
    const [last, ...others] = lines(given)
    assert.deepEqual(others, [])
    assert.equal(last?.done_reason, 'length')
    assert.deepEqual(whole(given).message, { role: 'assistant', content: '' })
  })

  it('has log probabilities in Ollama’s form if the client asks for them', () => {
    const token = {
      token: 'x',
      logprob: -0.5,
      bytes: [120],
      top_logprobs: [{ token: 'y', logprob: -2, bytes: null }],
    }
    const given = [
      chunk({ content: 'x' }, null, { logprobs: { content: [token] } }),
      chunk({}, 'stop'),
      { choices: [], usage },
    ]
    const logprobs = [
      { token: 'x', logprob: -0.5, bytes: [120], top_logprobs: [{ token: 'y', logprob: -2 }] },
    ]
    const settings = { logprobs: 1 }
    assert.deepEqual(lines(given, { settings })[0], messageLine({ content: 'x' }, { logprobs }))
    assert.deepEqual(whole(given, { settings }).logprobs, logprobs)
    assert.equal('logprobs' in (lines(given)[0] ?? {}), false)
    assert.equal('logprobs' in whole(given), false)
  })

  for (const [name, given, message] of [
    ['in the first event', [{ error: { message: 'no memory', code: 500 } }], 'no memory'],
    ['after content', [chunk({ content: 'x' }), { error: 'no memory' }], 'no memory'],
    ['as a bare end', [chunk({ content: 'x' }, 'abort')], /broke off/],
  ] as const) {
    it(`ends with an error that the endpoint reports ${name}`, () => {
      const last = lines(given).at(-1)
      assert.deepEqual(Object.keys(last ?? {}), ['error'])
      assert.match(String(last?.error), message instanceof RegExp ? message : new RegExp(message))
      assert.deepEqual(Object.keys(whole(given)), ['error'])
    })
  }

  it('is never empty', () => {
    const cut = toOllama('sse', formatCall())
    assert.match(cut.end().toString(), /^\{"error":".+"\}\n$/)
    const silent = lines([
      chunk({ role: 'assistant', content: '' }),
      chunk({}, 'stop'),
      { choices: [], usage },
    ])
    assert.deepEqual(silent, [{ ...head, message: { role: 'assistant', content: '' }, ...ending }])
  })
})

describe('an answer of /api/generate', () => {
  const chunks = [
    chunk({ reasoning_content: 'hm' }),
    chunk({ content: 'Hello' }),
    chunk({}, 'stop'),
    { choices: [], usage },
  ]

  it('has its text in response', () => {
    assert.deepEqual(lines(chunks, { operation: 'generate' }), [
      { ...head, response: '', thinking: 'hm', done: false },
      { ...head, response: 'Hello', done: false },
      { ...head, response: '', ...ending },
    ])
    assert.deepEqual(whole(chunks, { operation: 'generate' }), {
      ...head,
      response: 'Hello',
      thinking: 'hm',
      ...ending,
    })
  })
})

describe('counts and durations of an answer', () => {
  const timed = (run: (call: ReturnType<typeof formatCall>, builder: AnswerBuilder) => void, given = {}) => {
    const call = formatCall(given)
    const writer = ollamaChatWriter(call)
    const builder = new AnswerBuilder(writer, expectedAnswer())
    run(call, builder)
    return readLines(writer.take()).at(-1) ?? {}
  }
  const counts = { promptTokens: 10, completionTokens: 20, cachedTokens: 0, cacheWriteTokens: 0 }

  it('are measured from the start of the request, and from the first content', () => {
    const last = timed(
      (call, builder) => {
        builder.start({})
        call.clockMs = 1600
        builder.text('a')
        call.clockMs = 2000.000_4
        builder.stop('end')
        builder.usage(counts)
        builder.done()
      },
      { startedMs: 500 },
    )
    assert.equal(last.total_duration, 1_500_000_400)
    assert.equal(last.prompt_eval_duration, 1_100_000_000)
    assert.equal(last.eval_duration, 400_000_400)
    assert.equal(last.load_duration, 0)
    assert.deepEqual([last.prompt_eval_count, last.eval_count], [10, 20])
  })

  it('are those of the endpoint if it reports them', () => {
    const last = timed((call, builder) => {
      builder.start({})
      builder.text('a')
      call.clockMs = 2000
      builder.timings({ loadNs: 1e8, promptNs: 2e8, generationNs: 3e8 })
      builder.stop('end')
      builder.usage(counts)
      builder.done()
    })
    assert.deepEqual(
      [last.load_duration, last.prompt_eval_duration, last.eval_duration, last.total_duration],
      [1e8, 2e8, 3e8, 1e9],
    )
  })

  it('count all of the time as generation if the answer arrives whole', () => {
    const last = timed((call, builder) => {
      call.clockMs = 3000
      builder.start({})
      builder.text('a')
      builder.stop('end')
      builder.usage(counts)
      builder.done()
    })
    assert.equal(last.total_duration, 2e9)
    assert.equal(last.eval_duration, 2e9 - 1)
    assert.equal(last.prompt_eval_duration, 1)
  })

  it('are positive integers whatever the clock says', () => {
    const last = timed((call, builder) => {
      builder.start({})
      call.clockMs = -5
      builder.text('a')
      builder.stop('end')
      builder.done()
    })
    for (const [name, value] of Object.entries(last)) {
      if (!/_(?:duration|count)$/.test(name)) continue
      assert.ok(Number.isSafeInteger(value) && Number(value) >= (name === 'load_duration' ? 0 : 1), name)
    }
  })
})

describe('translation of recorded chat streams to Ollama’s API', () => {
  for (const name of ['reasoning-and-tools', 'think-tags', 'interleaved-tools', 'error-inside', 'cut-off']) {
    const chat = fixture(`${name}.chat.sse`)
    const translate = (chunks: readonly Buffer[], isStream = true) => {
      const translation = toOllama('sse', formatCall({ isStream }))
      const parts = chunks.map((each) => translation.push(each))
      return Buffer.concat([...parts, translation.end()]).toString()
    }

    it(`${name}: is the same for every cut in two, and byte by byte`, () => {
      const expected = translate([chat])
      for (let at = 0; at <= chat.length; at++) {
        assert.equal(translate([chat.subarray(0, at), chat.subarray(at)]), expected, `cut at ${at}`)
      }
      assert.equal(translate([...chat].map((byte) => Buffer.from([byte]))), expected)
    })

    it(`${name}: is the same for any chunk boundaries`, () => {
      const expected = translate([chat])
      fc.assert(
        fc.property(fc.array(fc.nat(10_000), { maxLength: 40 }), (cuts) => {
          assert.equal(translate(cutBytes(chat, cuts)), expected)
        }),
      )
    })

    it(`${name}: says the same as lines and as one object`, () => {
      const parts = readLines(translate([chat]))
      const one = JSON.parse(translate([chat], false)) as Line
      const last = parts.at(-1)
      assert.equal(last?.error, one.error)
      if (last?.error !== undefined) return
      assert.deepEqual(joined(parts), one.message)
    })
  }
})

interface Message {
  readonly content: string
  readonly thinking?: string
  readonly tool_calls?: readonly object[]
}

/** The message that a client puts together from the lines. */
function joined(parts: readonly Line[]): object {
  const messages = parts.map(({ message }) => message as Message)
  const thinking = messages.map((each) => each.thinking ?? '').join('')
  const calls = messages.flatMap((each) => each.tool_calls ?? [])
  return {
    role: 'assistant',
    content: messages.map(({ content }) => content).join(''),
    ...(thinking === '' ? {} : { thinking }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  }
}
