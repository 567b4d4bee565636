import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readMessagesRequest } from '../../../../src/dialects/anthropic/messages/request/messages-request.ts'
import { readMessages } from '../../../../src/dialects/anthropic/messages/request/read-request.ts'
import { writeChatRequest } from '../../../../src/dialects/openai/chat/request/write-request.ts'
import type { ChatTraits } from '../../../../src/endpoints/profiles/chat-shape.ts'
import { assistant, fixture, messagesOf, translate, user } from './support.ts'

describe('a recorded agent conversation', () => {
  it('becomes a chat with results after their calls, in the order of the calls', () => {
    const request = readMessagesRequest(fixture('agent.request.json'))
    const { body: chat } = writeChatRequest(readMessages(request), {
      model: 'Qwen/Qwen3-Coder',
      traits: {
        reasoningField: 'reasoning',
        thinkingSwitch: 'chat_template_kwargs',
        readsFiles: false,
        continuesMessages: false,
      },
    })
    const golden = fixture('agent.chat.json').toString()
    assert.deepEqual(JSON.parse(JSON.stringify(chat)), JSON.parse(golden))
    assert.match(
      JSON.stringify(chat),
      /"arguments":"\{\\"command\\":\\"npm test\\",\\"pid\\":9007199254740993\}"/,
    )
  })
})

describe('thinking', () => {
  const messages = [
    user('a'),
    assistant([
      { type: 'thinking', thinking: 'hm', signature: 's' },
      { type: 'text', text: 'b' },
    ]),
    user('c'),
  ]

  it('of earlier turns uses the field that the endpoint reads', () => {
    assert.deepEqual(messagesOf(messages)[1], { role: 'assistant', content: 'b' })
    assert.deepEqual(messagesOf(messages, { reasoningField: 'reasoning' })[1], {
      role: 'assistant',
      reasoning: 'hm',
      content: 'b',
    })
  })

  it('is switched in the way that the endpoint supports', () => {
    const switched = (type: string, thinkingSwitch: ChatTraits['thinkingSwitch']) => {
      const { chat_template_kwargs, reasoning_effort } = translate(
        { messages, thinking: { type } },
        { thinkingSwitch },
      )
      return chat_template_kwargs ?? reasoning_effort
    }
    assert.deepEqual(switched('enabled', 'chat_template_kwargs'), { enable_thinking: true })
    assert.deepEqual(switched('adaptive', 'chat_template_kwargs'), { enable_thinking: true })
    assert.deepEqual(switched('disabled', 'chat_template_kwargs'), { enable_thinking: false })
    assert.equal(switched('enabled', 'reasoning_effort'), undefined)
    assert.equal(switched('disabled', 'reasoning_effort'), 'none')
    assert.equal(switched('disabled', 'none'), undefined)
    assert.equal(
      translate({ messages }, { thinkingSwitch: 'chat_template_kwargs' }).chat_template_kwargs,
      undefined,
    )
  })
})

describe('tools', () => {
  const tools = [{ name: 'f', description: 'd', input_schema: { type: 'object' }, cache_control: {} }]
  const choice = (tool_choice: unknown) => {
    const { tool_choice: chosen, parallel_tool_calls } = translate({
      messages: [user('a')],
      tools,
      tool_choice,
    })
    return parallel_tool_calls === undefined ? chosen : [chosen, parallel_tool_calls]
  }

  it('keep name, description, schema and strictness', () => {
    const chat = translate({ messages: [user('a')], tools: [{ ...tools[0], strict: true }] })
    assert.deepEqual(chat.tools, [
      {
        type: 'function',
        function: { name: 'f', description: 'd', parameters: { type: 'object' }, strict: true },
      },
    ])
  })

  it('are described as far as possible if Anthropic defines them by type, and dropped if Anthropic runs them', () => {
    const chat = translate({
      messages: [user('a')],
      tools: [
        { type: 'bash_20250124', name: 'bash' },
        { type: 'web_search_20250305', name: 'web_search' },
        'x',
        {},
      ],
      tool_choice: { type: 'any' },
    })
    assert.deepEqual(chat.tools, [
      { type: 'function', function: { name: 'bash', parameters: { type: 'object', properties: {} } } },
    ])
    const none = translate({
      messages: [user('a')],
      tools: [{ type: 'web_fetch_20250910', name: 'web_fetch' }],
      tool_choice: { type: 'any' },
    })
    assert.equal('tools' in none || 'tool_choice' in none, false)
  })

  it('include the additions and removals of the conversation', () => {
    const added = { name: 'g', input_schema: { type: 'object' } }
    const change = (type: string, tool: object) => ({ role: 'system', content: [{ type, tool }] })
    const named = (...messages: object[]) =>
      (
        translate({ messages: [user('a'), ...messages], tools }).tools as { function: { name: string } }[]
      ).map((tool) => tool.function.name)
    assert.deepEqual(named(change('tool_addition', added)), ['f', 'g'])
    assert.deepEqual(
      named(change('tool_addition', added), change('tool_removal', { type: 'tool_reference', name: 'f' })),
      ['g'],
    )
    const back = change('tool_addition', { type: 'tool_reference', name: 'f' })
    assert.deepEqual(named(change('tool_removal', { name: 'f' }), change('tool_addition', added), back), [
      'g',
      'f',
    ])
  })

  it('are chosen as requested', () => {
    assert.equal(choice(undefined), undefined)
    assert.equal(choice({ type: 'auto' }), 'auto')
    assert.equal(choice('any'), 'required')
    assert.equal(choice({ type: 'any' }), 'required')
    assert.equal(choice({ type: 'none' }), 'none')
    assert.equal(choice('none'), 'none')
    assert.equal(choice({ type: 'later' }), 'auto')
    assert.deepEqual(choice({ type: 'tool', name: 'f' }), { type: 'function', function: { name: 'f' } })
    assert.deepEqual(choice({ type: 'auto', disable_parallel_tool_use: true }), ['auto', false])
    assert.deepEqual(choice({ type: 'any', disable_parallel_tool_use: true }), ['required', false])
  })
})

describe('settings', () => {
  it("keep their values under OpenAI's names, and are dropped if OpenAI has none", () => {
    const chat = translate({
      messages: [user('a')],
      max_tokens: 10,
      temperature: 0,
      top_p: 0.5,
      top_k: 40,
      stop_sequences: ['A', '', 3, 'B'],
      metadata: { user_id: 'u', other: 1 },
      service_tier: 'auto',
      container: 'c',
      mcp_servers: [],
      context_management: {},
      cache_control: { type: 'ephemeral' },
    })
    assert.deepEqual(chat, {
      model: 'native',
      messages: [{ role: 'user', content: 'a' }],
      max_tokens: 10,
      temperature: 0,
      top_p: 0.5,
      top_k: 40,
      stop: ['A', 'B'],
      user: 'u',
    })
  })

  it('request usage in streams', () => {
    const { stream, stream_options } = translate({ messages: [user('a')], stream: true })
    assert.deepEqual({ stream, stream_options }, { stream: true, stream_options: { include_usage: true } })
    assert.equal('stream' in translate({ messages: [user('a')], stream: false }), false)
  })

  it('request structured output', () => {
    const schema = { type: 'object' }
    const expected = { type: 'json_schema', json_schema: { name: 'output', schema, strict: true } }
    const format = { type: 'json_schema', schema }
    const messages = [user('a')]
    assert.deepEqual(translate({ messages, output_config: { format } }).response_format, expected)
    assert.deepEqual(translate({ messages, output_format: format }).response_format, expected)
    assert.equal(translate({ messages, output_config: { effort: 'high' } }).response_format, undefined)
  })

  it('request to continue an answer that the client has started, if the endpoint needs that', () => {
    const messages = [user('a'), assistant('{')]
    const chat = translate({ messages }, { continuesMessages: true })
    assert.equal(chat.continue_final_message, true)
    assert.equal(chat.add_generation_prompt, false)
    assert.equal('continue_final_message' in translate({ messages }), false)
    const ended = translate({ messages: [user('a')] }, { continuesMessages: true })
    assert.equal('continue_final_message' in ended, false)
  })
})
