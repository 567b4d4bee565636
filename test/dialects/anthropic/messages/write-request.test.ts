import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { MessageCreateParams } from '@anthropic-ai/sdk/resources/messages'
import { writeMessagesRequest } from '../../../../src/dialects/anthropic/messages/request/write-request.ts'
import type { Conversation, Settings, Turn } from '../../../../src/dialects/hub/contract/conversation.ts'
import { markedSignature } from '../../../../src/dialects/hub/parts/reasoning-signature.ts'
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
) => writeMessagesRequest(conversation(turns, settings, given), target(traits))

const messagesOf = (turns: readonly Turn[], traits: Partial<ChatTraits> = {}) =>
  write(turns, {}, {}, traits).body.messages as { role: string; content: string | object[] }[]

describe('writing a Messages request', () => {
  it('writes a whole request as the SDK defines it', () => {
    const schema = { type: 'object' as const, properties: { city: { type: 'string' } } }
    const { body, toolNames } = write(
      [
        system('Be kind.'),
        system('Be short.'),
        user('Weather?', { kind: 'image', source: { kind: 'data', data: 'QQ==', mediaType: 'image/png' } }),
        assistant('Let me see.', call('c1', 'weather', '{"city":"Rome"}')),
        results(result('c1', 'sunny')),
      ],
      {
        maxTokens: 5_000,
        temperature: 0.5,
        topP: 0.9,
        topK: 40,
        stop: ['END'],
        user: 'u1',
        parallelCalls: false,
        thinking: { isOn: true, budgetTokens: 2_000, effort: 'high' },
        format: { kind: 'schema', name: 'answer', schema: { type: 'object' } },
      },
      {
        isStream: true,
        toolChoice: { mode: 'auto' },
        tools: [tool('weather', { description: 'Tells the weather.', schema, isStrict: true })],
      },
    )
    const expected = {
      model: 'native',
      max_tokens: 5_000,
      system: 'Be kind.\n\nBe short.',
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'Weather?' },
            { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'QQ==' } },
          ],
        },
        {
          role: 'assistant',
          content: [
            { type: 'text', text: 'Let me see.' },
            { type: 'tool_use', id: 'c1', name: 'weather', input: { city: 'Rome' } },
          ],
        },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'c1', content: 'sunny' }] },
      ],
      tools: [{ name: 'weather', description: 'Tells the weather.', input_schema: schema, strict: true }],
      tool_choice: { type: 'auto', disable_parallel_tool_use: true },
      stream: true,
      stop_sequences: ['END'],
      thinking: { type: 'enabled', budget_tokens: 2_000 },
      output_config: { effort: 'high', format: { type: 'json_schema', schema: { type: 'object' } } },
      metadata: { user_id: 'u1' },
    } satisfies MessageCreateParams
    // Anthropic's newest schema has no sampling parameters, which self-hosted servers read.
    assert.deepEqual(body, { ...expected, temperature: 0.5, top_p: 0.9, top_k: 40 })
    assert.deepEqual(toolNames, ['weather'])
  })

  it('sets max_tokens, which the API requires', () => {
    assert.equal(write([user('Hi')]).body.max_tokens, 8_192)
    assert.equal(write([user('Hi')], { maxTokens: 1 }).body.max_tokens, 1)
    assert.equal(write([user('Hi')], { thinking: { budgetTokens: 4_000 } }).body.max_tokens, 12_192)
  })

  it('leaves room for the prompt in a known context', () => {
    const maxTokens = (length: number, contextTokens: number) => {
      const turns = [user('x'.repeat(length), { kind: 'image', source: { kind: 'url', url: 'u' } })]
      return writeMessagesRequest(conversation(turns), { ...target(), contextTokens }).body.max_tokens
    }
    assert.equal(maxTokens(300, 4_096), 4_096 - 100 - 1_600 - 8)
    assert.equal(maxTokens(300_000, 4_096), 256)
    assert.equal(maxTokens(300, 1_000_000), 32_000)
  })

  it('keeps the thinking budget below its own max_tokens', () => {
    const settings = { thinking: { isOn: true, budgetTokens: 9_000 } }
    const { body } = writeMessagesRequest(conversation([user('Hi')], settings), {
      ...target(),
      contextTokens: 4_096,
    })
    const { budget_tokens } = body.thinking as { budget_tokens: number }
    assert.equal(budget_tokens, (body.max_tokens as number) - 1)
  })
})

describe('the order of messages', () => {
  it('puts all results into one user message, before its text (agentjido/req_llm#250)', () => {
    const turns = [
      user('Go'),
      assistant(call('a'), call('b')),
      user('Also this.'),
      results(result('b', 'RB')),
      results(result('a', 'RA')),
    ]
    assert.deepEqual(messagesOf(turns), [
      { role: 'user', content: 'Go' },
      {
        role: 'assistant',
        content: [
          { type: 'tool_use', id: 'a', name: 'f', input: {} },
          { type: 'tool_use', id: 'b', name: 'f', input: {} },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'a', content: 'RA' },
          { type: 'tool_result', tool_use_id: 'b', content: 'RB' },
          { type: 'text', text: 'Also this.' },
        ],
      },
    ])
  })

  it('joins assistants: thinking, text, calls (vybestack/llxprt-code#1302)', () => {
    const turns = [
      user('Go'),
      assistant(call('a')),
      assistant('Text'),
      assistant(thinking('Hm', 'signed')),
      results(result('a', 'RA')),
    ]
    assert.deepEqual(messagesOf(turns)[1], {
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: 'Hm', signature: 'signed' },
        { type: 'text', text: 'Text' },
        { type: 'tool_use', id: 'a', name: 'f', input: {} },
      ],
    })
  })

  it('keeps an assistant that has only calls (mckinsey/agents-at-scale-ark#3394)', () => {
    const turns = [user('Go'), assistant('', call('a')), results(result('a', 'RA'))]
    assert.deepEqual(messagesOf(turns)[1], {
      role: 'assistant',
      content: [{ type: 'tool_use', id: 'a', name: 'f', input: {} }],
    })
  })

  const shapes: readonly (readonly [string, readonly Turn[], unknown])[] = [
    [
      'leaves later system turns in place, as text of the user',
      [user('A'), assistant('B'), system('New rule.'), user('C')],
      [
        { role: 'user', content: 'A' },
        { role: 'assistant', content: 'B' },
        {
          role: 'user',
          content: [
            { type: 'text', text: '<system-reminder>\nNew rule.\n</system-reminder>' },
            { type: 'text', text: 'C' },
          ],
        },
      ],
    ],
    [
      'joins adjacent users',
      [user('A'), user('B')],
      [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'A' },
            { type: 'text', text: 'B' },
          ],
        },
      ],
    ],
    [
      'adds a user before an assistant at the beginning',
      [assistant('Welcome'), user('Hi')],
      [
        { role: 'user', content: '[The conversation starts with the assistant.]' },
        { role: 'assistant', content: 'Welcome' },
        { role: 'user', content: 'Hi' },
      ],
    ],
    ['sends a system prompt alone as a user', [system('Say hi.')], [{ role: 'user', content: 'Say hi.' }]],
    [
      'drops blank texts beside others, and assistants that say nothing',
      [user('A', ' '), assistant('  '), user('B')],
      [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'A' },
            { type: 'text', text: 'B' },
          ],
        },
      ],
    ],
    ['leaves a blank message to the endpoint', [user('')], [{ role: 'user', content: '' }]],
    [
      'drops thinking that nothing follows',
      [user('A'), assistant(thinking('Hm', 'signed')), user('B')],
      [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'A' },
            { type: 'text', text: 'B' },
          ],
        },
      ],
    ],
    [
      'trims the end of an answer to continue',
      [user('A'), assistant('Once \n')],
      [
        { role: 'user', content: 'A' },
        { role: 'assistant', content: 'Once' },
      ],
    ],
    [
      'sends refusals as text',
      [user('A'), assistant({ kind: 'refusal', text: 'No.' }), user('B')],
      [
        { role: 'user', content: 'A' },
        { role: 'assistant', content: 'No.' },
        { role: 'user', content: 'B' },
      ],
    ],
    [
      'names speakers if there are several',
      [
        { role: 'user', parts: [{ kind: 'text', text: 'A' }], name: 'ann' },
        { role: 'user', parts: [{ kind: 'text', text: 'B' }], name: 'bob' },
      ],
      [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'ann: A' },
            { type: 'text', text: 'bob: B' },
          ],
        },
      ],
    ],
    [
      'does not name a single speaker',
      [{ role: 'user', parts: [{ kind: 'text', text: 'A' }], name: 'ann' }],
      [{ role: 'user', content: 'A' }],
    ],
  ]
  for (const [name, turns, expected] of shapes) {
    it(name, () => {
      assert.deepEqual(messagesOf(turns), expected)
    })
  }
})

describe('calls and results', () => {
  it('gives calls IDs that are unique in the conversation and in the API’s characters', () => {
    const turn = (id: string): Turn[] => [assistant(call(id)), results(result(id, id))]
    const messages = messagesOf([user('Go'), ...turn('call_0'), ...turn('call_0'), ...turn('functions.f:0')])
    const ids = JSON.stringify(messages).matchAll(/"(?:tool_use_)?id":"([^"]*)"/g)
    const found = [...ids].map(([, id]) => id ?? '')
    assert.deepEqual(found.slice(0, 4), ['call_0', 'call_0', 'call_0--2', 'call_0--2'])
    assert.match(found[4] ?? '', /^functions_f_0_[0-9a-f]{8}$/)
    assert.equal(found[5], found[4])
  })

  it('creates the same IDs for the same history if the client has none', () => {
    const turns = [user('Go'), assistant(call(''), call('', 'g')), results(result('', 'R'))]
    assert.deepEqual(messagesOf(turns), messagesOf(turns))
    assert.match(JSON.stringify(messagesOf(turns)), /"tool_use_id":"call_1","content":"R"/)
  })

  it('adds the result of a call that has none, unless the call is the last turn', () => {
    const turns = [user('Go'), assistant(call('a'))]
    assert.deepEqual(messagesOf([...turns, user('Stop')])[2], {
      role: 'user',
      content: [
        { type: 'tool_result', tool_use_id: 'a', content: 'The tool returned no result.', is_error: true },
        { type: 'text', text: 'Stop' },
      ],
    })
    assert.equal(messagesOf(turns).length, 2)
  })

  it('keeps errors, images and long integers', () => {
    const image = { kind: 'image' as const, source: { kind: 'url' as const, url: 'http://host/a.png' } }
    const turns = [
      user('Go'),
      assistant(call('a', 'f', '{"n":12345678901234567890}')),
      results({ ...result('a', 'broken', image), isError: true }),
    ]
    const text = JSON.stringify(messagesOf(turns))
    assert.match(text, /"input":\{"n":12345678901234567890\}/)
    assert.deepEqual(messagesOf(turns)[2]?.content, [
      {
        type: 'tool_result',
        tool_use_id: 'a',
        content: [
          { type: 'text', text: 'broken' },
          { type: 'image', source: { type: 'url', url: 'http://host/a.png' } },
        ],
        is_error: true,
      },
    ])
  })
})

describe('earlier thinking', () => {
  const sent = (signature: string | undefined, traits: Partial<ChatTraits> = {}) => {
    const messages = messagesOf([user('A'), assistant(thinking('Hm', signature), 'B'), user('C')], traits)
    const content: unknown = messages[1]?.content
    return Array.isArray(content) ? content[0] : undefined
  }
  const block = (signature: string) => ({ type: 'thinking', thinking: 'Hm', signature })

  it('returns with the signature of its endpoint', () => {
    const marked = markedSignature('messages', 'mark', 'sig')
    assert.deepEqual(sent(marked, { endpointMark: 'mark' }), block('sig'))
    assert.deepEqual(sent('raw'), block('raw'))
  })

  it('is dropped without one, or with that of another endpoint, if the endpoint reads no thinking', () => {
    for (const signature of [
      undefined,
      '',
      'reasoning.0123abcd',
      markedSignature('messages', 'other', 'sig'),
      markedSignature('responses', 'mark', 'sig'),
    ])
      assert.equal(sent(signature, { endpointMark: 'mark' }), undefined, signature)
  })

  it('returns unsigned to a server whose profile says that it reads thinking', () => {
    const traits = { reasoningField: 'reasoning_content' as const, endpointMark: 'mark' }
    for (const signature of [
      undefined,
      '',
      'reasoning.0123abcd',
      markedSignature('responses', 'mark', 'sig'),
    ])
      assert.deepEqual(sent(signature, traits), block(''), signature)
  })
})
