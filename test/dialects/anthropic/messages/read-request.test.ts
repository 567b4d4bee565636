import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { messagesFields } from '../../../../src/dialects/anthropic/messages/request/messages-fields.ts'
import { readMessages } from '../../../../src/dialects/anthropic/messages/request/read-request.ts'
import { type Feature, features } from '../../../../src/dialects/hub/contract/features.ts'

const read = (request: object) =>
  readMessages({ model: 'm', messages: [{ role: 'user', content: 'a' }], ...request })
const turns = (...messages: object[]) => read({ messages }).turns
const user = (content: unknown) => ({ role: 'user', content })
const assistant = (content: unknown) => ({ role: 'assistant', content })
const text = (value: string) => ({ kind: 'text', text: value })

describe('turns of a Messages request', () => {
  it('join adjacent messages of one role, and split off groups of results', () => {
    const result = (id: string) => ({ type: 'tool_result', tool_use_id: id, content: id })
    const read = (id: string) => ({ callId: id, parts: [text(id)], isError: false })
    assert.deepEqual(
      turns(
        user('a'),
        user([{ type: 'text', text: 'b' }]),
        assistant('c'),
        assistant([{ type: 'tool_use', id: '1', name: 'f', input: { x: 1 } }]),
        user([result('1'), result('2'), 'd', result('3')]),
      ),
      [
        { role: 'user', parts: [text('a'), text('b')] },
        { role: 'assistant', parts: [text('c'), { kind: 'call', id: '1', name: 'f', args: '{"x":1}' }] },
        { role: 'results', results: [read('1'), read('2')] },
        { role: 'user', parts: [text('d')] },
        { role: 'results', results: [read('3')] },
      ],
    )
  })

  it('put the system prompt and the system messages before the conversation first', () => {
    const { turns: read } = readMessages({
      system: [
        { type: 'text', text: 'x-anthropic-billing-header: cch=1;' },
        { type: 'text', text: 'one' },
      ],
      messages: [{ role: 'system', content: 'two' }, user('a'), { role: 'system', content: 'three' }],
    })
    assert.deepEqual(read, [
      { role: 'system', text: 'one\n\ntwo', isDeveloper: false },
      { role: 'user', parts: [text('a'), text('<system-reminder>\nthree\n</system-reminder>')] },
    ])
  })

  it('keep thinking with its signature, and drop what only Anthropic can read', () => {
    assert.deepEqual(
      turns(
        assistant([
          { type: 'thinking', thinking: 'h', signature: 's' },
          { type: 'thinking', thinking: '', signature: 's' },
          { type: 'redacted_thinking', data: 'x' },
          { type: 'server_tool_use', id: 's', name: 'web_search', input: {} },
          { type: 'text', text: 'b' },
        ]),
      ),
      [{ role: 'assistant', parts: [{ kind: 'thinking', text: 'h', signature: 's' }, text('b')] }],
    )
  })

  it('keep an empty answer, because users before and after it are not neighbours', () => {
    assert.deepEqual(turns(user('a'), assistant([]), user('b'))[1], { role: 'assistant', parts: [] })
  })

  const inputs: [unknown, string][] = [
    [{ a: 1 }, '{"a":1}'],
    ['{"a": 1}', '{"a":1}'],
    ['', '{}'],
    ['[1]', '{}'],
    [undefined, '{}'],
  ]
  for (const [input, args] of inputs) {
    it(`read the input of a call: ${JSON.stringify(input)}`, () => {
      const [turn] = turns(assistant([{ type: 'tool_use', id: '1', name: 'f', input }]))
      assert.deepEqual(turn, { role: 'assistant', parts: [{ kind: 'call', id: '1', name: 'f', args }] })
    })
  }

  const sources: [name: string, block: object, part: object, use: Feature | undefined][] = [
    [
      'an image without a media type',
      { type: 'image', source: { data: 'AA==' } },
      { kind: 'image', source: { kind: 'data', data: 'AA==', mediaType: 'image/png' } },
      'image_data',
    ],
    [
      'an image by URL',
      { type: 'image', source: { type: 'url', url: 'https://example.com/a' } },
      { kind: 'image', source: { kind: 'url', url: 'https://example.com/a' } },
      'image_url',
    ],
    [
      'an image by ID',
      { type: 'image', source: { type: 'file', file_id: 'f' } },
      { kind: 'image', source: { kind: 'file', id: 'f' } },
      'file_id',
    ],
    [
      'an image without a source',
      { type: 'image' },
      text('[An image stood here that this endpoint has no access to.]'),
      undefined,
    ],
    [
      'a PDF',
      {
        type: 'document',
        title: 'n',
        source: { type: 'base64', media_type: 'application/pdf', data: 'AA==' },
      },
      {
        kind: 'document',
        source: { kind: 'data', data: 'AA==', mediaType: 'application/pdf' },
        name: 'n',
      },
      'document_data',
    ],
    [
      'a document by URL',
      { type: 'document', source: { type: 'url', url: 'https://example.com/a' } },
      { kind: 'document', source: { kind: 'url', url: 'https://example.com/a' }, name: undefined },
      'document_url',
    ],
    [
      'a document without a source',
      { type: 'document', title: 'n' },
      text('[Document "n" cannot be read here: tell the user.]'),
      undefined,
    ],
  ]
  for (const [name, block, part, use] of sources) {
    it(`read ${name}`, () => {
      const conversation = read({ messages: [user([block])] })
      assert.deepEqual(conversation.turns, [{ role: 'user', parts: [part] }])
      assert.deepEqual([...conversation.uses], use === undefined ? [] : [use])
    })
  }
})

describe('tools of a Messages request', () => {
  it('are functions, or hosted if only Anthropic can run them', () => {
    const search = { type: 'web_search_20250305', name: 'web_search' }
    const toolset = { type: 'mcp_toolset', mcp_server_name: 's' }
    const { tools, uses } = read({
      tools: [
        { name: 'f', description: 'd', input_schema: { type: 'object' }, strict: true },
        { type: 'bash_20250124', name: 'bash' },
        search,
        toolset,
        'x',
        {},
      ],
    })
    assert.deepEqual(tools, [
      { kind: 'function', name: 'f', description: 'd', schema: { type: 'object' }, isStrict: true },
      { kind: 'function', name: 'bash', description: undefined, schema: undefined, isStrict: false },
      { kind: 'hosted', type: search.type, definition: search },
      { kind: 'hosted', type: toolset.type, definition: toolset },
    ])
    assert.deepEqual([...uses].sort(), ['hosted_tools', 'strict_tools', 'tools'])
  })

  it('have distinct names: the last definition of a name is used', () => {
    const { tools } = read({ tools: [{ name: 'f' }, { name: 'g' }, { name: 'f', description: 'new' }] })
    assert.deepEqual(
      tools.map((tool) => (tool.kind === 'hosted' ? undefined : [tool.name, tool.description])),
      [
        ['f', 'new'],
        ['g', undefined],
      ],
    )
  })

  const choices: [unknown, unknown, boolean | undefined][] = [
    [undefined, undefined, undefined],
    [{ type: 'auto' }, { mode: 'auto' }, undefined],
    ['any', { mode: 'required' }, undefined],
    [{ type: 'tool', name: 'f' }, { mode: 'tool', name: 'f' }, undefined],
    [{ type: 'tool' }, { mode: 'required' }, undefined],
    [{ type: 'auto', disable_parallel_tool_use: true }, { mode: 'auto' }, false],
    [{ type: 'none', disable_parallel_tool_use: true }, { mode: 'none' }, undefined],
    [{ type: 'later' }, { mode: 'auto' }, undefined],
  ]
  for (const [given, choice, parallel] of choices) {
    it(`are chosen: ${JSON.stringify(given)}`, () => {
      const { toolChoice, settings } = read({ tools: [{ name: 'f' }], tool_choice: given })
      assert.deepEqual([toolChoice, settings.parallelCalls], [choice, parallel])
    })
  }
})

describe('settings of a Messages request', () => {
  it('are read with the features that they use', () => {
    const { settings, uses, isStream } = read({
      max_tokens: 10,
      temperature: 0.5,
      top_p: 0.9,
      top_k: 3,
      stop_sequences: ['A', '', 3],
      metadata: { user_id: 'u' },
      service_tier: 'standard_only',
      thinking: { type: 'enabled', budget_tokens: 2_000, display: 'omitted' },
      output_config: { effort: 'max', format: { type: 'json_schema', schema: { type: 'object' } } },
      stream: true,
    })
    assert.deepEqual(settings, {
      maxTokens: 10,
      temperature: 0.5,
      topP: 0.9,
      topK: 3,
      stop: ['A'],
      format: { kind: 'schema', name: 'output', schema: { type: 'object' }, isStrict: true },
      thinking: { isOn: true, effort: 'max', budgetTokens: 2_000, isShown: false },
      parallelCalls: undefined,
      user: 'u',
      serviceTier: 'default',
      continuesAnswer: undefined,
    })
    assert.equal(isStream, true)
    assert.deepEqual([...uses].sort(), [
      'effort',
      'json_schema',
      'max_tokens',
      'service_tier',
      'stop',
      'temperature',
      'thinking',
      'thinking_budget',
      'top_k',
      'top_p',
      'user',
    ])
  })

  it('use nothing if they equal the default', () => {
    const { uses } = read({
      temperature: 1,
      top_p: 1,
      stop_sequences: [],
      tools: [],
      tool_choice: { type: 'auto' },
      thinking: { type: 'disabled' },
      service_tier: 'auto',
      mcp_servers: [],
      container: null,
      cache_control: null,
      metadata: {},
      stream: false,
    })
    assert.deepEqual([...uses], [])
  })

  it('continue an answer that the client has begun', () => {
    const { settings, uses } = read({ messages: [user('a'), assistant('{')] })
    assert.equal(settings.continuesAnswer, true)
    assert.deepEqual([...uses], ['prefill'])
  })

  it('name hosted tools that are no member of `tools`', () => {
    assert.deepEqual([...read({ mcp_servers: [{ url: 'https://example.com' }] }).uses], ['hosted_tools'])
    assert.deepEqual([...read({ container: 'c' }).uses], ['hosted_tools'])
  })
})

describe('messagesFields', () => {
  it('contains only known features', () => {
    const known = new Set<string>(['none', ...features])
    for (const [field, feature] of Object.entries(messagesFields)) assert.ok(known.has(feature), field)
  })
})
