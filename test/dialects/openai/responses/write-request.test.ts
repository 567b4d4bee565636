import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ResponseCreateParams } from 'openai/resources/responses/responses'
import type { Conversation, Settings, Turn } from '../../../../src/dialects/hub/contract/conversation.ts'
import { markedSignature } from '../../../../src/dialects/hub/parts/reasoning-signature.ts'
import { writeResponsesRequest } from '../../../../src/dialects/openai/responses/request/write-request.ts'
import type { ChatTraits } from '../../../../src/endpoints/profiles/chat-shape.ts'
import {
  assistant,
  call,
  conversation,
  result,
  results,
  system,
  target,
  thinking,
  tool,
  user,
} from '../../hub/conversations.ts'

const write = (
  turns: readonly Turn[],
  settings: Settings = {},
  given: Partial<Conversation> = {},
  traits: Partial<ChatTraits> = {},
) => writeResponsesRequest(conversation(turns, settings, given), target(traits))

const inputOf = (turns: readonly Turn[], traits: Partial<ChatTraits> = {}) =>
  write(turns, {}, {}, traits).body.input as Record<string, unknown>[]

const settingsOf = (settings: Settings, traits: Partial<ChatTraits> = {}) => {
  const { model, input, store, ...fields } = write([user('Hi')], settings, {}, traits).body
  return fields
}

describe('writing a Responses request', () => {
  it('writes a whole request as the SDK defines it', () => {
    const schema = { type: 'object', properties: { city: { type: 'string' } } }
    const { body, toolNames } = write(
      [
        system('Be kind.', true),
        system('Be short.'),
        user('Weather?', { kind: 'image', source: { kind: 'data', data: 'QQ==', mediaType: 'image/png' } }),
        assistant('Let me see.', call('c1', 'weather', '{"city":"Rome"}')),
        results(result('c1', 'sunny')),
      ],
      {
        maxTokens: 5_000,
        temperature: 1.5,
        topP: 0.9,
        logprobs: 2,
        user: 'u1',
        metadata: { a: 'b', n: 1 },
        serviceTier: 'flex',
        verbosity: 'low',
        parallelCalls: false,
        thinking: { effort: 'high', isShown: true },
        format: { kind: 'schema', name: 'an answer', schema: { type: 'object' }, isStrict: true },
      },
      {
        isStream: true,
        toolChoice: { mode: 'tool', name: 'weather' },
        tools: [tool('weather', { description: 'Tells the weather.', schema, isStrict: true })],
      },
    )
    const { text, ...fields } = body
    const expected = {
      model: 'native',
      instructions: 'Be kind.\n\nBe short.',
      input: [
        {
          type: 'message',
          role: 'user',
          content: [
            { type: 'input_text', text: 'Weather?' },
            { type: 'input_image', image_url: 'data:image/png;base64,QQ==', detail: 'auto' },
          ],
        },
        {
          type: 'message',
          role: 'assistant',
          id: 'msg_1',
          status: 'completed',
          content: [{ type: 'output_text', text: 'Let me see.', annotations: [] }],
        },
        { type: 'function_call', call_id: 'c1', name: 'weather', arguments: '{"city":"Rome"}' },
        { type: 'function_call_output', call_id: 'c1', output: 'sunny' },
      ],
      tools: [
        {
          type: 'function',
          name: 'weather',
          description: 'Tells the weather.',
          parameters: schema,
          strict: true,
        },
      ],
      tool_choice: { type: 'function', name: 'weather' },
      parallel_tool_calls: false,
      stream: true,
      store: false,
      max_output_tokens: 5_000,
      temperature: 1.5,
      top_p: 0.9,
      top_logprobs: 2,
      reasoning: { effort: 'high', summary: 'auto' },
      include: ['reasoning.encrypted_content', 'message.output_text.logprobs'],
      metadata: { a: 'b' },
      user: 'u1',
      service_tier: 'flex',
    } satisfies ResponseCreateParams
    assert.deepEqual(fields, expected)
    const { format, verbosity } = text as { format: { name: string }; verbosity: string }
    assert.match(format.name, /^an_answer_[0-9a-f]{8}$/)
    assert.deepEqual(
      { ...format, name: '' },
      { type: 'json_schema', name: '', schema: { type: 'object' }, strict: true },
    )
    assert.equal(verbosity, 'low')
    assert.deepEqual(toolNames, ['weather'])
  })

  it('never lets the endpoint store anything', () => {
    assert.deepEqual(write([user('Hi')]).body, {
      model: 'native',
      input: [{ type: 'message', role: 'user', content: 'Hi' }],
      store: false,
    })
  })
})

describe('the input of a Responses request', () => {
  const said = (id: string, text: string) => ({
    type: 'message',
    role: 'assistant',
    id,
    status: 'completed',
    content: [{ type: 'output_text', text, annotations: [] }],
  })
  const userItem = (content: unknown) => ({ type: 'message', role: 'user', content })
  const image = { kind: 'image' as const, source: { kind: 'url' as const, url: 'http://host/a.png' } }

  const shapes: readonly (readonly [string, readonly Turn[], unknown])[] = [
    [
      'has results as strings, not as a role (NousResearch/hermes-agent#15725)',
      [user('Go'), assistant(call('a')), results(result('a', 'R', 'S'))],
      [
        userItem('Go'),
        { type: 'function_call', call_id: 'a', name: 'f', arguments: '{}' },
        { type: 'function_call_output', call_id: 'a', output: 'R\n\nS' },
      ],
    ],
    [
      'has all calls, all results, then the message (openai/codex#8556)',
      [
        user('Go'),
        assistant(call('a')),
        assistant(call('b')),
        user('More'),
        results(result('b', 'RB')),
        results(result('a', 'RA')),
      ],
      [
        userItem('Go'),
        { type: 'function_call', call_id: 'a', name: 'f', arguments: '{}' },
        { type: 'function_call', call_id: 'b', name: 'f', arguments: '{}' },
        { type: 'function_call_output', call_id: 'a', output: 'RA' },
        { type: 'function_call_output', call_id: 'b', output: 'RB' },
        userItem('More'),
      ],
    ],
    [
      'has images of results in the next message',
      [user('Go'), assistant(call('a')), results({ ...result('a', 'broken', image), isError: true })],
      [
        userItem('Go'),
        { type: 'function_call', call_id: 'a', name: 'f', arguments: '{}' },
        {
          type: 'function_call_output',
          call_id: 'a',
          output: 'Error: broken\n\n[What is not text follows in the next message.]',
        },
        userItem([
          { type: 'input_text', text: '[From the result of tool call a:]' },
          { type: 'input_image', image_url: 'http://host/a.png', detail: 'auto' },
        ]),
      ],
    ],
    [
      'has later system turns in place',
      [user('A'), assistant('B'), system('S'), system('D', true), user('C')],
      [
        userItem('A'),
        said('msg_1', 'B'),
        { type: 'message', role: 'system', content: 'S' },
        { type: 'message', role: 'developer', content: 'D' },
        userItem('C'),
      ],
    ],
    [
      'has refusals as text, the only type that llama.cpp reads',
      [user('A'), assistant({ kind: 'refusal', text: 'No.' })],
      [userItem('A'), said('msg_1', 'No.')],
    ],
    ['is the system prompt if there is nothing else', [system('Say hi.')], [userItem('Say hi.')]],
    [
      'has a result for each call before the conversation goes on',
      [user('A'), assistant(call('a')), user('B')],
      [
        userItem('A'),
        { type: 'function_call', call_id: 'a', name: 'f', arguments: '{}' },
        { type: 'function_call_output', call_id: 'a', output: 'Error: The tool returned no result.' },
        userItem('B'),
      ],
    ],
    [
      'drops thinking that nothing follows',
      [user('A'), assistant(thinking('Hm')), user('B')],
      [userItem('A'), userItem('B')],
    ],
  ]
  for (const [name, turns, expected] of shapes) {
    it(name, () => {
      assert.deepEqual(inputOf(turns, { reasoningField: 'reasoning' }), expected)
    })
  }

  it('has details of images, and documents for endpoints that read them', () => {
    const pdf = { kind: 'data' as const, data: 'QQ==', mediaType: 'application/pdf' }
    const turns = [
      user(
        { ...image, detail: 'low' },
        { kind: 'document', source: pdf, name: 'a.pdf' },
        { kind: 'document', source: { kind: 'url', url: 'http://h/b' }, name: undefined },
        { kind: 'image', source: { kind: 'file', id: 'x' } },
      ),
    ]
    const note = { type: 'input_text', text: '[An image stood here that this endpoint has no access to.]' }
    assert.deepEqual(inputOf(turns, { readsFiles: true })[0]?.content, [
      { type: 'input_image', image_url: 'http://host/a.png', detail: 'low' },
      { type: 'input_file', filename: 'a.pdf', file_data: 'data:application/pdf;base64,QQ==' },
      { type: 'input_file', file_url: 'http://h/b' },
      note,
    ])
    const others = inputOf(turns)[0]?.content as { text?: string }[]
    assert.match(others[1]?.text ?? '', /"a.pdf" cannot be read here/)
    assert.match(others[2]?.text ?? '', /http:\/\/h\/b/)
  })
})

describe('earlier reasoning', () => {
  const sent = (signature: string | undefined, traits: Partial<ChatTraits>) =>
    inputOf([user('A'), assistant(thinking('Hm', signature), 'B')], traits).filter(
      ({ type }) => type === 'reasoning',
    )
  const plain = {
    type: 'reasoning',
    id: 'rs_1',
    summary: [],
    content: [{ type: 'reasoning_text', text: 'Hm' }],
  }

  it('returns encrypted to the endpoint that made it', () => {
    const signature = markedSignature('responses', 'mark', 'blob')
    assert.deepEqual(sent(signature, { endpointMark: 'mark' }), [{ ...plain, encrypted_content: 'blob' }])
  })

  it('is dropped for others that read none (fish2lab/DSCodex#23)', () => {
    for (const signature of [undefined, 'blob', markedSignature('responses', 'other', 'blob')])
      assert.deepEqual(sent(signature, { endpointMark: 'mark' }), [])
  })

  it('returns as text to servers that read it', () => {
    for (const signature of [undefined, 'blob', markedSignature('messages', 'mark', 'sig')])
      assert.deepEqual(sent(signature, { endpointMark: 'mark', reasoningField: 'reasoning' }), [plain])
  })

  it('is one item, because llama.cpp keeps only one', () => {
    const turns = [user('A'), assistant(thinking('Hm'), thinking('Ha'), 'B')]
    const [first, ...others] = inputOf(turns, { reasoningField: 'reasoning' }).filter(
      ({ type }) => type === 'reasoning',
    )
    assert.deepEqual(first?.content, [{ type: 'reasoning_text', text: 'Hm\n\nHa' }])
    assert.deepEqual(others, [])
  })
})

describe('settings of a Responses request', () => {
  const encrypted = { include: ['reasoning.encrypted_content'] }
  const rows: readonly (readonly [string, Settings, object, Partial<ChatTraits>?])[] = [
    ['nothing', {}, {}],
    ['json mode', { format: { kind: 'json' } }, { text: { format: { type: 'json_object' } } }],
    ['thinking off', { thinking: { isOn: false } }, { reasoning: { effort: 'none' } }],
    ['thinking on', { thinking: { isOn: true } }, { reasoning: { summary: 'auto' }, ...encrypted }],
    [
      'hidden thinking',
      { thinking: { effort: 'low', isShown: false } },
      { reasoning: { effort: 'low' }, ...encrypted },
    ],
    ['a small budget', { thinking: { budgetTokens: 1_024 } }, { reasoning: { effort: 'low' }, ...encrypted }],
    ['a budget', { thinking: { budgetTokens: 8_000 } }, { reasoning: { effort: 'medium' }, ...encrypted }],
    [
      'a large budget',
      { thinking: { budgetTokens: 32_000 } },
      { reasoning: { effort: 'high' }, ...encrypted },
    ],
    [
      'no effort that the endpoint refuses',
      { thinking: { effort: 'high' } },
      {},
      { effort: 'thinking_models' },
    ],
    [
      'the effort of a model that thinks',
      { thinking: { effort: 'high' } },
      { reasoning: { effort: 'high' }, ...encrypted },
      { effort: 'thinking_models', isThinker: true },
    ],
    ['Anthropic’s tier', { serviceTier: 'standard_only' }, { service_tier: 'default' }],
    ['a tier that the API lacks', { serviceTier: 'batch' }, {}],
    ['metadata without texts', { metadata: { n: 1 } }, {}],
    [
      'what the API lacks',
      { seed: 1, topK: 3, minP: 0.1, presencePenalty: 1, stop: ['x'], keepAlive: '5m' },
      {},
    ],
    ['a parallel setting without tools', { parallelCalls: false }, {}],
  ]
  for (const [name, settings, expected, traits] of rows) {
    it(`writes ${name}`, () => {
      assert.deepEqual(settingsOf(settings, traits), expected)
    })
  }
})

describe('tools of a Responses request', () => {
  const tools = [tool('a'), tool('b')]
  const choices: readonly (readonly [Conversation['toolChoice'], unknown, string[]])[] = [
    [undefined, undefined, ['a', 'b']],
    [{ mode: 'auto' }, 'auto', ['a', 'b']],
    [{ mode: 'required' }, 'required', ['a', 'b']],
    [{ mode: 'none' }, 'none', ['a', 'b']],
    [{ mode: 'tool', name: 'b' }, { type: 'function', name: 'b' }, ['a', 'b']],
    [{ mode: 'tool', name: 'web_search' }, 'auto', ['a', 'b']],
    [{ mode: 'allowed', names: ['b'], isRequired: true }, 'required', ['b']],
    [{ mode: 'allowed', names: ['b'], isRequired: false }, 'auto', ['b']],
  ]
  for (const [toolChoice, expected, names] of choices) {
    it(`writes the choice ${JSON.stringify(toolChoice)} flat (open-webui/open-webui#30085)`, () => {
      const { body, toolNames } = write([user('Hi')], {}, { tools, toolChoice })
      assert.deepEqual(body.tool_choice, expected)
      assert.deepEqual(toolNames, names)
    })
  }

  it('sends no choice without tools', () => {
    const { body } = write([user('Hi')], {}, { toolChoice: { mode: 'required' } })
    assert.equal('tool_choice' in body || 'tools' in body, false)
  })

  it('makes every tool a function that is not strict unless the client says so', () => {
    const hosted = { kind: 'hosted' as const, type: 'web_search', definition: { type: 'web_search' } }
    const custom = { kind: 'custom' as const, name: 'patch', description: 'Patches.', format: undefined }
    const { body } = write([user('Hi')], {}, { tools: [hosted, tool('a'), custom] })
    assert.deepEqual(body.tools, [
      { type: 'function', name: 'a', parameters: { type: 'object', properties: {} }, strict: false },
      {
        type: 'function',
        name: 'patch',
        description: 'Patches.',
        parameters: {
          type: 'object',
          properties: { input: { type: 'string', description: 'The whole input of the tool.' } },
          required: ['input'],
          additionalProperties: false,
        },
        strict: false,
      },
    ])
  })

  it('changes names that the endpoint refuses, and reports the client’s', () => {
    const long = 'x'.repeat(80)
    const { toolNames, originalNames } = write(
      [user('Hi')],
      {},
      { tools: [tool(long)] },
      { maxToolNameLength: 64 },
    )
    assert.equal(toolNames[0]?.length, 64)
    assert.deepEqual([...(originalNames ?? [])], [[toolNames[0], long]])
  })
})
