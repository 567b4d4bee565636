import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { EndedAnswer } from '../../../../src/dialects/hub/format.ts'
import { openThinking } from '../../../../src/dialects/openai/responses/request/thinking-envelope.ts'
import { checkGrammar } from './grammar.ts'
import {
  answer,
  callDelta,
  chunk,
  events,
  type ResponseEvent,
  startMs,
  typesOf,
  usage,
  whole,
} from './support.ts'

const fn = (name: string) => ({ type: 'function', name, parameters: { type: 'object' } })
const deltasOf = (list: readonly ResponseEvent[], type: string) =>
  list.filter((event) => event.type === type).map(({ delta }) => delta)
const hello = [chunk({ content: 'Hel' }), chunk({ content: 'lo' }), chunk({}, 'stop', usage(5, 2))]
/** A call with these arguments. */
const called = (name: string, args: string) => [
  callDelta(0, 'call_a', name, ''),
  ...[...args].map((char) => callDelta(0, undefined, undefined, char)),
  chunk({}, 'tool_calls', usage(5, 2)),
]

describe('a streamed response', () => {
  /** ogx-ai/ogx#5309 */
  it('has the events of a text in the documented order', () => {
    const list = events({}, hello)
    assert.deepEqual(typesOf(list), [
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ])
    const { output, usage: counted, completed_at } = checkGrammar(list)
    const part = { type: 'output_text', text: 'Hello', annotations: [], logprobs: [] }
    assert.deepEqual(output, [
      { id: 'msg_2', type: 'message', status: 'completed', role: 'assistant', content: [part] },
    ])
    assert.deepEqual(counted, {
      input_tokens: 5,
      input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 },
      output_tokens: 2,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: 7,
    })
    assert.equal(completed_at, startMs / 1_000)
  })

  it('repeats the request in the response object', () => {
    const request = {
      instructions: 'Be brief.',
      temperature: 0.5,
      tools: [fn('f')],
      tool_choice: 'required',
      metadata: { a: 'b' },
      text: { format: { type: 'json_object' } },
      reasoning: { effort: 'low', summary: 'auto' },
      parallel_tool_calls: false,
      previous_response_id: null,
      user: 'u',
    }
    const response = checkGrammar(events(request, hello))
    const { instructions, temperature, tools, tool_choice, metadata, text, reasoning, user } = response
    assert.deepEqual(
      { instructions, temperature, tools, tool_choice, metadata, text, reasoning, user },
      {
        ...{ instructions: 'Be brief.', temperature: 0.5, tools: [fn('f')], tool_choice: 'required' },
        ...{ metadata: { a: 'b' }, text: { format: { type: 'json_object' }, verbosity: 'medium' } },
        ...{ reasoning: { effort: 'low', summary: 'auto' }, user: 'u' },
      },
    )
    assert.deepEqual([response.parallel_tool_calls, response.store, response.model], [false, false, 'm'])
  })

  it('has the events of a call in the documented order', () => {
    const list = events({ tools: [fn('f')] }, called('f', '{"a":1}'))
    const inner = typesOf(list).filter((type) => !type.endsWith('.delta'))
    assert.deepEqual(inner.slice(2), [
      'response.output_item.added',
      'response.function_call_arguments.done',
      'response.output_item.done',
      'response.completed',
    ])
    assert.equal(deltasOf(list, 'response.function_call_arguments.delta').join(''), '{"a":1}')
    assert.deepEqual(list[2]?.item, {
      ...{ id: 'fc_2', type: 'function_call', status: 'in_progress', arguments: '' },
      ...{ call_id: 'call_a', name: 'f' },
    })
    assert.deepEqual(checkGrammar(list).output, [
      {
        ...{ id: 'fc_2', type: 'function_call', status: 'completed', arguments: '{"a":1}' },
        ...{ call_id: 'call_a', name: 'f' },
      },
    ])
  })

  const thought = [chunk({ reasoning_content: 'I ' }), chunk({ reasoning_content: 'think' }), ...hello]

  it('shows thinking as content', () => {
    const list = events({}, thought)
    assert.deepEqual(typesOf(list).slice(2, 9), [
      'response.output_item.added',
      'response.content_part.added',
      'response.reasoning_text.delta',
      'response.reasoning_text.delta',
      'response.reasoning_text.done',
      'response.content_part.done',
      'response.output_item.done',
    ])
    const content = [{ type: 'reasoning_text', text: 'I think' }]
    assert.deepEqual(checkGrammar(list).output[0], { id: 'rs_2', type: 'reasoning', summary: [], content })
  })

  it('shows thinking as a summary if the client requests one', () => {
    const list = events({ reasoning: { summary: 'auto' } }, thought)
    assert.deepEqual(typesOf(list).slice(2, 9), [
      'response.output_item.added',
      'response.reasoning_summary_part.added',
      'response.reasoning_summary_text.delta',
      'response.reasoning_summary_text.delta',
      'response.reasoning_summary_text.done',
      'response.reasoning_summary_part.done',
      'response.output_item.done',
    ])
    const summary = [{ type: 'summary_text', text: 'I think' }]
    assert.deepEqual(checkGrammar(list).output[0], { id: 'rs_2', type: 'reasoning', summary })
  })

  /** router-for-me/CLIProxyAPI#3451, preloop/preloop#457 */
  it('returns thinking in an envelope if the client requests encrypted content', () => {
    const { output } = checkGrammar(
      events({ include: ['reasoning.encrypted_content'], store: false }, thought),
    )
    assert.deepEqual(openThinking(output[0]?.encrypted_content), { text: 'I think', signature: '' })
  })

  it('writes a refusal as a part of its own', () => {
    const list = events({}, [chunk({ refusal: 'No.' }), chunk({}, 'content_filter', usage(1, 1))])
    assert.deepEqual(typesOf(list).slice(3, 7), [
      'response.content_part.added',
      'response.refusal.delta',
      'response.refusal.done',
      'response.content_part.done',
    ])
    const { output, status } = checkGrammar(list)
    assert.deepEqual(output[0]?.content, [{ type: 'refusal', refusal: 'No.' }])
    assert.equal(status, 'completed')
  })

  it('contains log probabilities if the client requests them', () => {
    const token = {
      token: 'Hi',
      logprob: -0.5,
      bytes: [72, 105],
      top_logprobs: [{ token: 'Yo', logprob: -1, bytes: null }],
    }
    const chunks = [
      { model: 'm', choices: [{ index: 0, delta: { content: 'Hi' }, logprobs: { content: [token] } }] },
      chunk({}, 'stop', usage(1, 1)),
    ]
    const expected = [{ ...token, top_logprobs: [{ token: 'Yo', logprob: -1, bytes: [] }] }]
    const list = events({ top_logprobs: 1 }, chunks)
    assert.deepEqual(list.find(({ type }) => type === 'response.output_text.delta')?.logprobs, expected)
    assert.deepEqual(list.find(({ type }) => type === 'response.output_text.done')?.logprobs, expected)
    const [item] = checkGrammar(list).output
    assert.deepEqual(item?.content, [
      { type: 'output_text', text: 'Hi', annotations: [], logprobs: expected },
    ])
    const [plain] = checkGrammar(events({}, chunks)).output
    assert.deepEqual(plain?.content, [{ type: 'output_text', text: 'Hi', annotations: [], logprobs: [] }])
  })

  it('has an empty message if the model says nothing', () => {
    const { output, status } = checkGrammar(events({}, [chunk({}, 'stop', usage(1, 0))]))
    assert.deepEqual([status, output.length, output[0]?.type], ['completed', 1, 'message'])
  })

  it('keeps the halves of a surrogate pair in one event', () => {
    const list = events({}, [
      chunk({ content: 'a\ud83d' }),
      chunk({ content: '\ude00\ud83d' }),
      chunk({}, 'stop', usage(1, 1)),
    ])
    assert.deepEqual(deltasOf(list, 'response.output_text.delta'), ['a', '\u{1f600}', '\ufffd'])
    checkGrammar(list)
  })
})

describe('calls of tools that are no functions', () => {
  /** Anionex/agent-vision-toolkit#6, BerriAI/litellm#31571 */
  it('unwraps the input of a custom tool while it streams', () => {
    const tools = [{ type: 'custom', name: 'apply_patch' }]
    const input = '*** Begin\n"ü" \\ \u{1f600}\t/'
    const list = events({ tools }, called('apply_patch', JSON.stringify({ input })))
    assert.deepEqual(checkGrammar(list).output, [
      {
        ...{ id: 'ctc_2', type: 'custom_tool_call', status: 'completed', input },
        ...{ call_id: 'call_a', name: 'apply_patch' },
      },
    ])
    const parts = deltasOf(list, 'response.custom_tool_call_input.delta')
    assert.ok(parts.length > 10)
    assert.equal(parts.join(''), input)
  })

  it('returns the namespace of a tool beside its name', () => {
    const tools = [
      { type: 'namespace', name: 'mcp__git__', tools: [fn('log'), { type: 'custom', name: 'run' }] },
    ]
    for (const name of ['log', 'run']) {
      const [item] = checkGrammar(events({ tools }, called(`mcp__git__${name}`, '{"input":"x"}'))).output
      assert.deepEqual([item?.name, item?.namespace], [name, 'mcp__git__'])
    }
  })

  const rows: readonly (readonly [tool: object, args: object, item: object])[] = [
    [
      { type: 'tool_search', execution: 'client', parameters: { type: 'object' } },
      { query: 'git' },
      { type: 'tool_search_call', execution: 'client', arguments: { query: 'git' } },
    ],
    [
      { type: 'local_shell' },
      { command: ['ls', '-l'], working_directory: '/w', timeout_ms: 5 },
      {
        type: 'local_shell_call',
        action: { type: 'exec', command: ['ls', '-l'], env: {}, working_directory: '/w', timeout_ms: 5 },
      },
    ],
    [
      { type: 'shell' },
      { commands: ['ls'] },
      {
        type: 'shell_call',
        action: { commands: ['ls'], timeout_ms: null, max_output_length: null },
        environment: { type: 'local' },
      },
    ],
    [
      { type: 'apply_patch' },
      { type: 'create_file', path: 'a', diff: '+b' },
      { type: 'apply_patch_call', operation: { type: 'create_file', path: 'a', diff: '+b' } },
    ],
  ]
  for (const [tool, args, expected] of rows) {
    const type = 'type' in tool ? String(tool.type) : ''
    it(`returns a call of ${type} as its own item`, () => {
      const { output } = checkGrammar(events({ tools: [tool] }, called(type, JSON.stringify(args))))
      const { id, ...item } = output[0] ?? { id: '' }
      assert.match(id, /^(?:tsc|lsh|sh|apc)_/)
      assert.deepEqual(item, { ...expected, status: 'completed', call_id: 'call_a' })
    })
  }

  it('returns a call with unusable arguments as a function call', () => {
    const { output } = checkGrammar(
      events({ tools: [{ type: 'local_shell' }] }, called('local_shell', '{"cmd":1}')),
    )
    assert.deepEqual([output[0]?.type, output[0]?.arguments], ['function_call', '{"cmd":1}'])
  })
})

describe('the end of a response', () => {
  const rows: readonly (readonly [finish: string, status: string, details: object | null])[] = [
    ['stop', 'completed', null],
    ['length', 'incomplete', { reason: 'max_output_tokens' }],
    ['model_length', 'incomplete', { reason: 'max_output_tokens' }],
    ['content_filter', 'incomplete', { reason: 'content_filter' }],
  ]
  for (const [finish, status, details] of rows) {
    it(`is ${status} after ${finish}, streamed and whole`, () => {
      const chunks = [chunk({ content: 'x' }), chunk({}, finish, usage(1, 1))]
      for (const response of [checkGrammar(events({}, chunks)), whole({}, chunks)]) {
        assert.deepEqual([response.status, response.incomplete_details], [status, details])
        assert.equal(response.output[0]?.status, status)
      }
    })
  }

  it('is complete for a call, although the server reports stop', () => {
    const chunks = [...called('f', '{}').slice(0, -1), chunk({}, 'stop', usage(1, 1))]
    assert.equal(checkGrammar(events({ tools: [fn('f')] }, chunks)).status, 'completed')
  })

  it('marks only the item that was cut off', () => {
    const chunks = [
      chunk({ content: 'x' }),
      ...called('f', '{"a":').slice(0, -1),
      chunk({}, 'length', usage(1, 1)),
    ]
    const { output } = checkGrammar(events({ tools: [fn('f')] }, chunks))
    assert.deepEqual(
      output.map(({ status }) => status),
      ['completed', 'incomplete'],
    )
  })

  /** MartialBE/one-hub#910, farion1231/cc-switch#3514 */
  it('always counts cached and reasoning tokens, also if the endpoint counts nothing', () => {
    const details = {
      prompt_tokens_details: { cached_tokens: 3 },
      completion_tokens_details: { reasoning_tokens: 1 },
    }
    for (const [beside, cached, reasoning] of [
      [{}, 0, 0],
      [usage(5, 2, details), 3, 1],
      [usage(5, 2, { prompt_tokens_details: null }), 0, 0],
    ] as const) {
      const counted = checkGrammar(events({}, [chunk({ content: 'x' }), chunk({}, 'stop', beside)])).usage
      assert.ok(typeof counted === 'object' && counted !== null)
      const { input_tokens_details: input, output_tokens_details: output } = { ...counted } as Record<
        string,
        unknown
      >
      assert.deepEqual(input, { cached_tokens: cached, cache_write_tokens: 0 })
      assert.deepEqual(output, { reasoning_tokens: reasoning })
    }
  })
})

describe('a failed response', () => {
  const failed = (error: object) => events({}, [chunk({ content: 'x' }), { error }], '')
  const rows: readonly (readonly [error: object, code: string])[] = [
    [
      {
        message:
          "This model's maximum context length is 4096 tokens. However, your request has 5000 input tokens.",
        code: 400,
      },
      'context_length_exceeded',
    ],
    [{ message: 'Slow down, try again in 1.5s', code: 429 }, 'rate_limit_exceeded'],
    [{ message: 'No money', code: 'insufficient_quota' }, 'insufficient_quota'],
    [{ message: 'Busy', code: 503 }, 'server_is_overloaded'],
    [{ message: 'Bad schema', code: 400 }, 'invalid_prompt'],
    [{ message: 'Key of the gateway', code: 401 }, 'server_error'],
    [{ message: 'CUDA error', code: 500 }, 'server_error'],
    [{ message: 'Odd' }, 'server_error'],
  ]
  for (const [error, code] of rows) {
    it(`has the code ${code} after ${JSON.stringify(error).slice(0, 60)}`, () => {
      const response = checkGrammar(failed(error))
      assert.deepEqual(response.error, { code, message: 'message' in error ? error.message : '' })
    })
  }

  it('does not end the item that was open, so that no client runs half a call', () => {
    const list = events({ tools: [fn('f')] }, called('f', '{"a":').slice(0, -1), '')
    const { output, status } = checkGrammar(list)
    assert.deepEqual([status, output], ['failed', []])
    assert.ok(!typesOf(list).includes('response.output_item.done'))
  })

  it('begins like any other if it fails before the first content', () => {
    const list = events({}, [{ error: { message: 'CUDA error', code: 500 } }], '')
    assert.deepEqual(typesOf(list), ['response.created', 'response.in_progress', 'error', 'response.failed'])
    checkGrammar(list)
  })

  it('is an error object if it is not streamed', () => {
    const body = whole({}, [{ error: { message: 'prompt is too long', code: 400 } }], '')
    assert.deepEqual(body.error, {
      ...{ message: 'prompt is too long', type: 'invalid_request_error', param: null },
      ...{ code: 'context_length_exceeded', request_id: 'req' },
    })
  })
})

describe('storage of a response', () => {
  it('receives the response of the terminal event, streamed or not', () => {
    assert.equal(events({}, hello).at(-1)?.response?.store, false)
    const stored: EndedAnswer[] = []
    for (const stream of [true, false]) {
      answer({ stream }, hello, undefined, { store: (ended) => stored.push(ended) })
    }
    assert.equal(stored.length, 2)
    assert.deepEqual(stored[0], stored[1])
    const response = JSON.parse(stored[0]?.text ?? '')
    assert.deepEqual([response.id, response.store, response.status], [stored[0]?.id, true, 'completed'])
    assert.deepEqual(stored[0]?.itemIds, [response.output[0].id])
  })
})
