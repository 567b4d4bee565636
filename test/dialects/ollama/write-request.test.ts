import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { messagesFormat } from '../../../src/dialects/anthropic/messages/format.ts'
import type { Settings, Tool, ToolChoice, Turn } from '../../../src/dialects/hub/contract/conversation.ts'
import { type Feature, refusedFeatures } from '../../../src/dialects/hub/contract/features.ts'
import {
  documentHead,
  unreadableDocument,
  unreadableImage,
} from '../../../src/dialects/hub/parts/prompt-notes.ts'
import { ollamaChatFates } from '../../../src/dialects/ollama/chat/features.ts'
import { writeOllamaChatRequest } from '../../../src/dialects/ollama/chat/write-request.ts'
import { writeOllamaGenerateRequest } from '../../../src/dialects/ollama/generate/write-request.ts'
import { chatFormat } from '../../../src/dialects/openai/chat/format.ts'
import { responsesFormat } from '../../../src/dialects/openai/responses/format.ts'
import type { ChatTraits } from '../../../src/endpoints/profiles/chat-shape.ts'
import { conversation, refusal, target } from './support.ts'

const user = (text: string): Turn => ({ role: 'user', parts: [{ kind: 'text', text }] })
const write = (settings: Settings, traits: Partial<ChatTraits> = {}) =>
  writeOllamaChatRequest(conversation(settings, { turns: [user('hi')] }), target(traits)).body
const messagesOf = (turns: readonly Turn[]) =>
  writeOllamaChatRequest(conversation({}, { turns }), target()).body.messages
const data = (text: string) => ({ kind: 'data', data: text, mediaType: 'image/png' }) as const

describe('a request to an endpoint’s /api/chat', () => {
  it('names the endpoint’s model and whether it streams', () => {
    assert.deepEqual(write({}), {
      model: 'native',
      messages: [{ role: 'user', content: 'hi' }],
      stream: true,
    })
    const whole = conversation({}, { turns: [user('hi')], isStream: false })
    assert.equal(writeOllamaChatRequest(whole, target()).body.stream, false)
  })

  it('has the settings of a conversation', () => {
    assert.deepEqual(
      write({
        maxTokens: 5,
        temperature: 0,
        topP: 0.5,
        topK: 3,
        minP: 0.1,
        seed: 7,
        stop: ['END'],
        presencePenalty: 1,
        frequencyPenalty: -1,
        repeatPenalty: 1.2,
        contextTokens: 8192,
        keepAlive: '5m',
        logprobs: 2,
        format: { kind: 'json' },
        user: 'u',
      }),
      {
        model: 'native',
        messages: [{ role: 'user', content: 'hi' }],
        stream: true,
        format: 'json',
        options: {
          num_predict: 5,
          num_ctx: 8192,
          temperature: 0,
          top_p: 0.5,
          top_k: 3,
          min_p: 0.1,
          seed: 7,
          stop: ['END'],
          presence_penalty: 1,
          frequency_penalty: -1,
          repeat_penalty: 1.2,
        },
        keep_alive: '5m',
        logprobs: true,
        top_logprobs: 2,
      },
    )
    const schema = { type: 'object' }
    assert.deepEqual(write({ format: { kind: 'schema', name: 'n', schema } }).format, schema)
    assert.deepEqual(write({ logprobs: 0, stop: [] }), {
      ...write({}),
      logprobs: true,
    })
  })

  for (const [thinking, isThinker, expected] of [
    [undefined, true, undefined],
    [{ isOn: false }, true, false],
    [{ isOn: false }, undefined, false],
    [{ isOn: true }, true, true],
    [{ isOn: true }, undefined, undefined],
    [{ isOn: true }, false, undefined],
    [{ isOn: true, effort: 'low' }, true, 'low'],
    [{ isOn: true, effort: 'max' }, true, 'high'],
    [{ effort: 'minimal' }, true, 'low'],
    [{ effort: 'xhigh' }, true, 'high'],
    [{ effort: 'high' }, false, undefined],
    [{ effort: 'other' }, true, undefined],
    [{ budgetTokens: 1000 }, true, true],
    [{ isShown: false }, true, undefined],
  ] as const) {
    it(`has think ${expected} for ${JSON.stringify(thinking)}, if the model is a thinker: ${isThinker}`, () => {
      assert.equal(write({ thinking }, { isThinker }).think, expected)
    })
  }

  it('has the messages of a conversation, in the order that templates accept', () => {
    const turns: Turn[] = [
      { role: 'system', text: 'be kind', isDeveloper: true },
      {
        role: 'user',
        parts: [
          { kind: 'text', text: 'a' },
          { kind: 'image', source: data('AAAA') },
          { kind: 'text', text: 'b' },
        ],
      },
      { role: 'assistant', parts: [{ kind: 'call', id: 'one', name: 'f', args: '{"id":9007199254740993}' }] },
      {
        role: 'assistant',
        parts: [
          { kind: 'thinking', text: 'hm' },
          { kind: 'text', text: 'look' },
          { kind: 'refusal', text: 'no' },
          { kind: 'call', id: 'two', name: 'g', args: '' },
        ],
      },
      user('meanwhile'),
      {
        role: 'results',
        results: [
          { callId: 'two', parts: [{ kind: 'text', text: 'gone' }], isError: true },
          {
            callId: 'one',
            parts: [
              { kind: 'text', text: 'see' },
              { kind: 'image', source: data('BBBB') },
            ],
            isError: false,
          },
        ],
      },
    ]
    const written = JSON.stringify(messagesOf(turns))
    assert.match(written, /"arguments":\{"id":9007199254740993\}/)
    assert.deepEqual(JSON.parse(written), [
      { role: 'system', content: 'be kind' },
      { role: 'user', content: 'a\n\nb', images: ['AAAA'] },
      {
        role: 'assistant',
        content: 'look\n\nno',
        thinking: 'hm',
        tool_calls: [
          { id: 'one', function: { name: 'f', arguments: { id: Number('9007199254740993') } } },
          { id: 'two', function: { name: 'g', arguments: {} } },
        ],
      },
      {
        role: 'tool',
        content: 'see\n\n[What is not text follows in the next message.]',
        tool_name: 'f',
        tool_call_id: 'one',
      },
      { role: 'tool', content: 'Error: gone', tool_name: 'g', tool_call_id: 'two' },
      {
        role: 'user',
        content: '[From the result of the tool f:]\n\nmeanwhile',
        images: ['BBBB'],
      },
    ])
  })

  it('names the speakers if there are several', () => {
    const say = (name: string, text: string): Turn => ({
      role: 'user',
      parts: [{ kind: 'text', text }],
      name,
    })
    assert.deepEqual(messagesOf([say('ann', 'hi'), say('bob', 'ho')]), [
      { role: 'user', content: 'ann: hi' },
      { role: 'user', content: 'bob: ho' },
    ])
    assert.deepEqual(messagesOf([say('ann', 'hi')]), [{ role: 'user', content: 'hi' }])
  })

  it('gives results their calls if some calls have none, and equal IDs their numbers', () => {
    const call = (id: string, name: string) => ({ kind: 'call', id, name, args: '{}' }) as const
    const result = (callId: string, name: string) => ({
      callId,
      name,
      parts: [{ kind: 'text', text: name } as const],
      isError: false,
    })
    const turns: Turn[] = [
      {
        role: 'assistant',
        parts: [call('x', 'a'), call('y', 'b'), call('y', 'c'), call('', 'd'), call('', 'e')],
      },
      { role: 'results', results: [result('', 'e'), result('y', 'b'), result('y', 'c')] },
    ]
    const tools = (messagesOf(turns) as Record<string, unknown>[]).filter(({ role }) => role === 'tool')
    assert.deepEqual(
      tools.map(({ tool_name, tool_call_id }) => [tool_name, tool_call_id]),
      [
        ['b', 'y'],
        ['c', 'y--2'],
        ['e', undefined],
      ],
    )
  })

  it('has what Ollama reads of media and documents, and a sentence for the rest', () => {
    const parts = [
      { kind: 'image', source: { kind: 'url', url: 'https://a.example/b.png' } },
      { kind: 'image', source: { kind: 'url', url: 'data:image/png;base64,CCCC' } },
      { kind: 'image', source: { kind: 'file', id: 'f' } },
      { kind: 'audio', data: 'DDDD', format: 'wav' },
      { kind: 'document', source: data('EEEE'), name: 'd' },
      { kind: 'document', source: { kind: 'data', data: 'aGk=', mediaType: 'text/plain' }, name: 'e' },
      { kind: 'text', text: 'x' },
    ] as const
    assert.deepEqual(messagesOf([{ role: 'user', parts }]), [
      {
        role: 'user',
        content: [
          ...[unreadableImage, unreadableImage, unreadableDocument('d')],
          ...[documentHead('e'), 'hi', 'x'],
        ].join('\n\n'),
        images: ['CCCC', 'DDDD'],
      },
    ])
  })

  const tools: Tool[] = [
    {
      kind: 'function',
      name: 'f',
      description: 'F',
      schema: { properties: { a: true, b: { type: 'string' } } },
      isStrict: true,
    },
    { kind: 'function', name: 'g', description: undefined, schema: undefined, isStrict: false },
    { kind: 'custom', name: 'patch', description: 'P', format: undefined },
    { kind: 'hosted', type: 'web_search', definition: {} },
  ]
  const toolsFor = (toolChoice: ToolChoice | undefined, traits: Partial<ChatTraits> = {}) =>
    writeOllamaChatRequest(conversation({}, { turns: [user('hi')], tools, toolChoice }), target(traits))

  it('has the tools in the form that Ollama decodes', () => {
    const { body, toolNames, originalNames } = toolsFor(undefined)
    const written = body.tools as { function: { name: string; parameters: Record<string, unknown> } }[]
    assert.deepEqual(written.slice(0, 2), [
      {
        type: 'function',
        function: {
          name: 'f',
          description: 'F',
          parameters: { type: 'object', properties: { a: {}, b: { type: 'string' } } },
        },
      },
      { type: 'function', function: { name: 'g', parameters: { type: 'object', properties: {} } } },
    ])
    assert.deepEqual(written[2]?.function.parameters.required, ['input'])
    assert.deepEqual(toolNames, ['f', 'g', 'patch'])
    assert.equal(originalNames, undefined)
  })

  for (const [choice, expected] of [
    [{ mode: 'auto' }, ['f', 'g', 'patch']],
    [{ mode: 'none' }, []],
    [{ mode: 'allowed', names: ['g'], isRequired: false }, ['g']],
  ] as const) {
    it(`has the tools ${expected} for the choice ${choice.mode}`, () => {
      assert.deepEqual(toolsFor(choice).toolNames, expected)
    })
  }

  const schema = { type: 'object' }
  for (const [format, request] of [
    [
      chatFormat,
      {
        messages: [{ role: 'user', content: 'hi' }],
        tools: [{ type: 'function', function: { name: 'f', parameters: schema } }],
        tool_choice: 'none',
      },
    ],
    [
      chatFormat,
      {
        messages: [{ role: 'user', content: 'hi' }],
        functions: [{ name: 'f', parameters: schema }],
        function_call: 'none',
      },
    ],
    [
      responsesFormat,
      { input: 'hi', tools: [{ type: 'function', name: 'f', parameters: schema }], tool_choice: 'none' },
    ],
    [
      messagesFormat,
      {
        messages: [{ role: 'user', content: 'hi' }],
        max_tokens: 9,
        tools: [{ name: 'f', input_schema: schema }],
        tool_choice: { type: 'none' },
      },
    ],
  ] as const) {
    it(`has no tools if the client of ${format.path} wants none called, and is not refused`, () => {
      const read = format.readRequest({ model: 'm', ...request })
      assert.deepEqual(refusedFeatures(read.uses, ollamaChatFates), [])
      assert.equal('tools' in writeOllamaChatRequest(read, target()).body, false)
    })
  }

  it('has short names of tools if the endpoint limits them', () => {
    const long = 'f'.repeat(80)
    const turns: Turn[] = [
      { role: 'assistant', parts: [{ kind: 'call', id: 'a', name: long, args: '{}' }] },
      { role: 'results', results: [{ callId: 'a', parts: [], isError: false }] },
    ]
    const tool: Tool = {
      kind: 'function',
      name: long,
      description: undefined,
      schema: undefined,
      isStrict: false,
    }
    const written = writeOllamaChatRequest(
      conversation({}, { turns, tools: [tool] }),
      target({ maxToolNameLength: 64 }),
    )
    const [short = ''] = written.toolNames
    assert.equal(short.length, 64)
    assert.equal(written.originalNames?.get(short), long)
    const text = JSON.stringify(written.body)
    assert.equal(text.includes(long), false)
    assert.equal(text.split(short).length, 4)
  })
})

describe('a request to an endpoint’s /api/generate', () => {
  const prompt = (settings: Settings, uses: readonly Feature[] = [], turns: readonly Turn[] = [user('hi')]) =>
    writeOllamaGenerateRequest(conversation(settings, { turns, uses: new Set(uses) }), target()).body

  it('has one prompt', () => {
    const turns: Turn[] = [{ role: 'system', text: 'be kind', isDeveloper: false }, user('hi')]
    assert.deepEqual(prompt({ maxTokens: 5 }, [], turns), {
      model: 'native',
      prompt: 'hi',
      system: 'be kind',
      stream: true,
      options: { num_predict: 5 },
    })
  })

  it('is raw if the prompt is, except with a suffix', () => {
    for (const use of ['raw_prompt', 'plain_prompt'] as const) assert.equal(prompt({}, [use]).raw, true)
    assert.deepEqual(prompt({ suffix: 'end' }, ['raw_prompt']), {
      model: 'native',
      prompt: 'hi',
      suffix: 'end',
      stream: true,
    })
  })

  it('is refused for a conversation with earlier answers', () => {
    const turns: Turn[] = [user('hi'), { role: 'assistant', parts: [{ kind: 'text', text: 'yes' }] }]
    assert.match(
      refusal(() => prompt({}, [], turns)),
      /^messages: /,
    )
  })
})
