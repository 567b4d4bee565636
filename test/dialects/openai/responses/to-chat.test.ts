import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { refusedFeatures } from '../../../../src/dialects/hub/contract/features.ts'
import { chatFates } from '../../../../src/dialects/openai/chat/request/chat-fates.ts'
import { writeChatRequest } from '../../../../src/dialects/openai/chat/request/write-request.ts'
import type { ChatTraits } from '../../../../src/endpoints/profiles/chat-shape.ts'
import { checkGrammar } from './grammar.ts'
import { callDelta, chunk, events, message, read, usage } from './support.ts'

const traits: ChatTraits = {
  reasoningField: 'reasoning_content',
  thinkingSwitch: 'none',
  readsFiles: false,
  continuesMessages: false,
}

/** The chat request for a Responses request, which no endpoint may refuse. */
function chatOf(input: unknown, others: object = {}): Record<string, unknown> {
  const conversation = read(input, others)
  assert.deepEqual(refusedFeatures(conversation.uses, chatFates), [])
  return { ...writeChatRequest(conversation, { model: 'm', traits }).body }
}

const messagesOf = (input: unknown, others: object = {}) => chatOf(input, others).messages
const call = (id: string, name: string, args: string) => ({
  id,
  type: 'function',
  function: { name, arguments: args },
})
const fn = (name: string) => ({ type: 'function', name, parameters: { type: 'object' } })

describe('a Responses request at a chat endpoint', () => {
  /** openai/codex#23186, coder/coder#28656, router-for-me/CLIProxyAPI#5482 */
  it('offers each member of a namespace, and returns its call with both names', () => {
    const tools = [{ type: 'namespace', name: 'mcp__git', tools: [fn('log'), fn('show')] }]
    const { tools: sent } = chatOf([
      { type: 'additional_tools', role: 'developer', tools },
      message('user', 'x'),
    ])
    assert.ok(Array.isArray(sent))
    assert.deepEqual(
      sent.map(({ function: { name } }) => name),
      ['mcp__git__log', 'mcp__git__show'],
    )
    const input = [{ type: 'additional_tools', role: 'developer', tools }, message('user', 'x')]
    const chunks = [callDelta(0, 'c', 'mcp__git__show', '{}'), chunk({}, 'tool_calls', usage(1, 1))]
    const [item] = checkGrammar(events({ input }, chunks)).output
    assert.deepEqual([item?.name, item?.namespace], ['show', 'mcp__git'])
  })

  /** Anionex/agent-vision-toolkit#6, BerriAI/litellm#31571 */
  it('offers a custom tool as a function with one string', () => {
    const { tools } = chatOf('x', {
      tools: [{ type: 'custom', name: 'apply_patch', description: 'Patches.' }],
    })
    assert.ok(Array.isArray(tools))
    const { name, parameters } = tools[0].function
    assert.deepEqual(
      [name, parameters.required, parameters.properties.input.type],
      ['apply_patch', ['input'], 'string'],
    )
  })

  /** CommandCodeAI/command-code#893, openai/codex#20574, sgl-project/sglang#35216 */
  it('accepts items of any type in the history', () => {
    const messages = messagesOf([
      message('user', 'a'),
      { type: 'tool_search_call', call_id: 'c1', execution: 'client', arguments: { query: 'q' } },
      { type: 'tool_search_output', call_id: 'c1', execution: 'client', tools: [fn('f')] },
      { type: 'agent_message', author: 'x', recipient: 'y', content: [{ type: 'input_text', text: 'b' }] },
      { type: 'web_search_call', id: 'ws_1', status: 'completed', action: { type: 'search', query: 'q' } },
      { type: 'thing_of_2030' },
    ])
    assert.deepEqual(messages, [
      { role: 'user', content: 'a' },
      { role: 'assistant', content: null, tool_calls: [call('c1', 'tool_search', '{"query":"q"}')] },
      { role: 'tool', tool_call_id: 'c1', content: 'These tools are available now:\nf: ' },
      { role: 'user', content: '[Message from x]\nb' },
    ])
  })

  /** CommandCodeAI/command-code#885 */
  it('goes without tools that only OpenAI runs, and without a choice of them', () => {
    const tools = [{ type: 'web_search' }, fn('f'), { type: 'image_generation' }]
    for (const choice of [{ type: 'web_search' }, 'auto', undefined]) {
      const { tools: sent, tool_choice } = chatOf('x', { tools, tool_choice: choice })
      assert.ok(Array.isArray(sent) && sent.length === 1)
      assert.equal(tool_choice, choice === 'auto' ? 'auto' : undefined)
    }
    const alone = chatOf('x', { tools: [{ type: 'web_search' }], tool_choice: 'required' })
    assert.deepEqual([alone.tools, alone.tool_choice], [undefined, undefined])
  })

  /** openai/codex#8556, farion1231/cc-switch#3047 */
  it('puts all calls first, then all results, then the message', () => {
    const messages = messagesOf([
      message('user', 'go'),
      { type: 'function_call', call_id: 'c1', name: 'f', arguments: '{}' },
      { type: 'function_call', call_id: 'c2', name: 'g', arguments: '{"a":1}' },
      message('user', 'wait'),
      { type: 'function_call_output', call_id: 'c2', output: '2' },
      { type: 'function_call_output', call_id: 'c1', output: '1' },
    ])
    assert.deepEqual(messages, [
      { role: 'user', content: 'go' },
      { role: 'assistant', content: null, tool_calls: [call('c1', 'f', '{}'), call('c2', 'g', '{"a":1}')] },
      { role: 'tool', tool_call_id: 'c1', content: '1' },
      { role: 'tool', tool_call_id: 'c2', content: '2' },
      { role: 'user', content: 'wait' },
    ])
  })

  /** router-for-me/CLIProxyAPI#3451, preloop/preloop#457 */
  it('returns the thinking that a client sends back only in encrypted content', () => {
    const include = ['reasoning.encrypted_content']
    const chunks = [
      chunk({ reasoning_content: 'hm' }),
      callDelta(0, 'c1', 'f', '{}'),
      chunk({}, 'tool_calls', usage(1, 1)),
    ]
    const { output } = checkGrammar(events({ include, store: false, tools: [fn('f')] }, chunks))
    const [reasoning, ...calls] = output
    // Codex drops the content of the item.
    const sent = { type: 'reasoning', summary: [], encrypted_content: reasoning?.encrypted_content }
    const history = [
      message('user', 'go'),
      sent,
      ...calls,
      { type: 'function_call_output', call_id: 'c1', output: '1' },
    ]
    assert.deepEqual(messagesOf(history), [
      { role: 'user', content: 'go' },
      { role: 'assistant', reasoning_content: 'hm', content: null, tool_calls: [call('c1', 'f', '{}')] },
      { role: 'tool', tool_call_id: 'c1', content: '1' },
    ])
  })

  /** fish2lab/DSCodex#23 */
  it('goes without the encrypted thinking of another server', () => {
    const foreign = { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'gAAAAABo' }
    assert.deepEqual(
      messagesOf([message('user', 'a'), foreign, message('assistant', 'b'), message('user', 'c')]),
      [
        { role: 'user', content: 'a' },
        { role: 'assistant', content: 'b' },
        { role: 'user', content: 'c' },
      ],
    )
  })

  /** CommandCodeAI/command-code#902 */
  it('sends an image of a result as an image of the user', () => {
    const url = 'data:image/png;base64,AAAA'
    const messages = messagesOf([
      message('user', 'go'),
      { type: 'function_call', call_id: 'c1', name: 'view', arguments: '{}' },
      { type: 'function_call_output', call_id: 'c1', output: [{ type: 'input_image', image_url: url }] },
    ])
    assert.ok(Array.isArray(messages))
    assert.equal(messages[2].role, 'tool')
    assert.equal(typeof messages[2].content, 'string')
    assert.ok(!messages[2].content.includes('AAAA'))
    assert.equal(messages[3].role, 'user')
    const image = messages[3].content.find(({ type }: { type: string }) => type === 'image_url')
    assert.equal(image.image_url.url, url)
  })

  it('has the settings of the chat API', () => {
    const schema = { type: 'object' }
    const { model, messages, ...settings } = chatOf('x', {
      max_output_tokens: 5,
      temperature: 0,
      stream: true,
      text: { format: { type: 'json_schema', name: 'n', schema, strict: true } },
      top_logprobs: 2,
    })
    assert.deepEqual([model, messages], ['m', [{ role: 'user', content: 'x' }]])
    assert.deepEqual(settings, {
      max_tokens: 5,
      temperature: 0,
      stream: true,
      stream_options: { include_usage: true },
      response_format: { type: 'json_schema', json_schema: { name: 'n', schema, strict: true } },
      logprobs: true,
      top_logprobs: 2,
    })
  })
})
