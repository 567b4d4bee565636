import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Conversation, Settings, Tool } from '../../../../src/dialects/hub/contract/conversation.ts'
import type { ChatTraits } from '../../../../src/endpoints/profiles/chat-shape.ts'
import { assistant, call, settings, text, tool, user, write } from './support.ts'

describe('tools of a chat request', () => {
  const custom: Tool = {
    kind: 'custom',
    name: 'apply_patch',
    description: 'Applies a patch.',
    format: { type: 'grammar', syntax: 'lark', definition: 'start: "x"' },
  }
  const hosted: Tool = { kind: 'hosted', type: 'web_search', definition: { type: 'web_search' } }

  it('are functions; free text is their argument `input` (BerriAI/litellm#31571)', () => {
    const { body, toolNames } = write({ tools: [tool('f', true), custom] })
    assert.deepEqual(toolNames, ['f', 'apply_patch'])
    assert.deepEqual(body.tools, [
      {
        type: 'function',
        function: { name: 'f', parameters: { type: 'object', properties: {} }, strict: true },
      },
      {
        type: 'function',
        function: {
          name: 'apply_patch',
          description: 'Applies a patch.\n\nThe input must match this lark grammar:\nstart: "x"',
          parameters: {
            type: 'object',
            properties: { input: { type: 'string', description: 'The whole input of the tool.' } },
            required: ['input'],
            additionalProperties: false,
          },
        },
      },
    ])
  })

  it('do not include hosted ones, whose choice goes too (CommandCodeAI/command-code#885)', () => {
    const choice = { mode: 'tool', name: 'web_search' } as const
    const some = write({ tools: [hosted, tool('f')], toolChoice: choice, settings: { parallelCalls: false } })
    assert.deepEqual(some.toolNames, ['f'])
    assert.equal(some.body.tool_choice, 'auto')
    assert.equal(some.body.parallel_tool_calls, false)
    const none = write({ tools: [hosted], toolChoice: choice, settings: { parallelCalls: false } })
    assert.deepEqual(Object.keys(none.body), ['model', 'messages'])
  })

  const choices: [Conversation['toolChoice'], unknown, string[]][] = [
    [undefined, undefined, ['f', 'g']],
    [{ mode: 'auto' }, 'auto', ['f', 'g']],
    [{ mode: 'required' }, 'required', ['f', 'g']],
    [{ mode: 'none' }, 'none', ['f', 'g']],
    [{ mode: 'tool', name: 'g' }, { type: 'function', function: { name: 'g' } }, ['f', 'g']],
    [{ mode: 'allowed', names: ['g', 'x'], isRequired: false }, 'auto', ['g']],
    [{ mode: 'allowed', names: ['f'], isRequired: true }, 'required', ['f']],
    [{ mode: 'allowed', names: ['x'], isRequired: true }, undefined, []],
  ]
  for (const [toolChoice, expected, names] of choices) {
    it(`are chosen: ${JSON.stringify(toolChoice)}`, () => {
      const { body, toolNames } = write({ tools: [tool('f'), tool('g')], toolChoice })
      assert.deepEqual(body.tool_choice, expected)
      assert.deepEqual(toolNames, names)
    })
  }

  it('have short names where the endpoint limits them, also in the history and the choice', () => {
    const name = 'long'.repeat(20)
    const { body, toolNames, originalNames } = write(
      {
        turns: [assistant(call('1', name))],
        tools: [tool(name), tool('f')],
        toolChoice: { mode: 'tool', name },
      },
      { maxToolNameLength: 64 },
    )
    const [short = ''] = toolNames
    assert.equal(short.length, 64)
    assert.equal(originalNames?.get(short), name)
    assert.equal(JSON.stringify(body).includes(name), false)
    assert.equal(JSON.stringify(body).split(short).length, 4)
  })
})

describe('settings of a chat request', () => {
  it("have OpenAI's names", () => {
    assert.deepEqual(
      settings({
        maxTokens: 1,
        temperature: 0,
        topP: 0.5,
        topK: 4,
        seed: 7,
        stop: ['x'],
        presencePenalty: 0.1,
        frequencyPenalty: 0.2,
        logitBias: { 5: 1 },
        logprobs: 3,
        verbosity: 'low',
        user: 'u',
      }),
      {
        max_tokens: 1,
        temperature: 0,
        top_p: 0.5,
        top_k: 4,
        seed: 7,
        stop: ['x'],
        presence_penalty: 0.1,
        frequency_penalty: 0.2,
        logit_bias: { 5: 1 },
        logprobs: true,
        top_logprobs: 3,
        verbosity: 'low',
        user: 'u',
      },
    )
    assert.deepEqual(settings({ logprobs: 0 }), { logprobs: true })
  })

  it('include the further samplers of a server under its names', () => {
    const given = { minP: 0.1, repeatPenalty: 1.1 }
    assert.deepEqual(settings(given), {})
    assert.deepEqual(settings(given, { repeatPenalty: 'repeat_penalty' }), {
      min_p: 0.1,
      repeat_penalty: 1.1,
    })
    assert.deepEqual(settings(given, { repeatPenalty: 'repetition_penalty' }), {
      min_p: 0.1,
      repetition_penalty: 1.1,
    })
  })

  it('leave out what no chat endpoint has', () => {
    assert.deepEqual(
      settings({
        choices: 2,
        keepAlive: '5m',
        contextTokens: 4_096,
        suffix: 'x',
        metadata: { a: '1' },
        serviceTier: 'flex',
        streamUsage: true,
        parallelCalls: true,
      }),
      {},
    )
  })

  const schema = { type: 'object' }
  const formats: [Settings['format'], unknown][] = [
    [{ kind: 'json' }, { type: 'json_object' }],
    [
      { kind: 'schema', name: 'n', schema, isStrict: false, description: 'd' },
      { type: 'json_schema', json_schema: { name: 'n', schema, strict: false, description: 'd' } },
    ],
    [
      { kind: 'schema', name: 'n', schema },
      { type: 'json_schema', json_schema: { name: 'n', schema } },
    ],
  ]
  for (const [format, expected] of formats) {
    it(`format the answer: ${JSON.stringify(format)}`, () =>
      assert.deepEqual(settings({ format }), { response_format: expected }))
  }

  const kwargs = { thinkingSwitch: 'chat_template_kwargs' } as const
  const thinking: [Settings['thinking'], Partial<ChatTraits>, object][] = [
    [{ isOn: true }, kwargs, { chat_template_kwargs: { enable_thinking: true } }],
    [{ isOn: false, effort: 'high' }, kwargs, { chat_template_kwargs: { enable_thinking: false } }],
    [{ effort: 'high' }, kwargs, {}],
    [{ isOn: true }, { thinkingSwitch: 'reasoning_effort' }, {}],
    [{ isOn: false }, { thinkingSwitch: 'reasoning_effort' }, { reasoning_effort: 'none' }],
    [{ effort: 'xhigh' }, { effort: 'reasoning_effort' }, { reasoning_effort: 'high' }],
    [{ effort: 'minimal' }, { effort: 'reasoning_effort' }, { reasoning_effort: 'low' }],
    [{ effort: 'constructor' }, { effort: 'reasoning_effort' }, {}],
    [
      { isOn: true, effort: 'low' },
      { ...kwargs, effort: 'chat_template_kwargs' },
      { chat_template_kwargs: { enable_thinking: true, reasoning_effort: 'low' }, reasoning_effort: 'low' },
    ],
    [{ effort: 'low' }, { effort: 'thinking_models' }, {}],
    [{ effort: 'low' }, { effort: 'thinking_models', isThinker: true }, { reasoning_effort: 'low' }],
  ]
  for (const [given, traits, expected] of thinking) {
    it(`switch thinking: ${JSON.stringify(given)} for ${JSON.stringify(traits)}`, () =>
      assert.deepEqual(settings({ thinking: given }, traits), expected))
  }

  it('replace a user ID that is too long for OpenAI with its hash', () => {
    const { user: sent } = settings({ user: 'u'.repeat(65) })
    assert.match(String(sent), /^[0-9a-f]{64}$/)
    assert.notEqual(sent, settings({ user: 'u'.repeat(66) }).user)
  })

  it('request the usage of a stream, and the continuation of an answer where the endpoint needs that', () => {
    assert.deepEqual(write({ isStream: true }).body.stream_options, { include_usage: true })
    const prefill = { turns: [user('a'), assistant(text('{'))], settings: { continuesAnswer: true } }
    assert.equal(write(prefill, { continuesMessages: true }).body.continue_final_message, true)
    assert.equal('continue_final_message' in write(prefill).body, false)
    const complete = { ...prefill, settings: {} }
    assert.equal('continue_final_message' in write(complete, { continuesMessages: true }).body, false)
  })
})
