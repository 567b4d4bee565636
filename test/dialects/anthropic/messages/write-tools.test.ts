import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { writeMessagesRequest } from '../../../../src/dialects/anthropic/messages/request/write-request.ts'
import type { Conversation, Settings, Turn } from '../../../../src/dialects/hub/contract/conversation.ts'
import type { ChatTraits } from '../../../../src/endpoints/profiles/chat-shape.ts'
import { assistant, call, conversation, target, tool, user } from '../../hub/conversations.ts'

const write = (
  turns: readonly Turn[],
  settings: Settings = {},
  given: Partial<Conversation> = {},
  traits: Partial<ChatTraits> = {},
) => writeMessagesRequest(conversation(turns, settings, given), target(traits))

const messagesOf = (turns: readonly Turn[], traits: Partial<ChatTraits> = {}) =>
  write(turns, {}, {}, traits).body.messages as { role: string; content: string | object[] }[]

const settingsOf = (settings: Settings, given: Partial<Conversation> = {}) => {
  const { model, messages, max_tokens, ...fields } = write([user('Hi')], settings, given).body
  return fields
}

describe('settings of a Messages request', () => {
  const rows: readonly (readonly [string, Settings, object])[] = [
    ['nothing', {}, {}],
    ['a temperature above 1', { temperature: 1.7 }, { temperature: 1 }],
    ['blank stops', { stop: ['', 'x'] }, { stop_sequences: ['x'] }],
    ['no stops', { stop: [''] }, {}],
    ['thinking off', { thinking: { isOn: false, effort: 'high' } }, { thinking: { type: 'disabled' } }],
    ['thinking on', { thinking: { isOn: true } }, { thinking: { type: 'adaptive' } }],
    [
      'an effort alone',
      { thinking: { effort: 'minimal' } },
      { thinking: { type: 'adaptive' }, output_config: { effort: 'low' } },
    ],
    [
      'a small budget',
      { thinking: { budgetTokens: 10 } },
      { thinking: { type: 'enabled', budget_tokens: 1_024 } },
    ],
    [
      'a budget above max_tokens',
      { maxTokens: 2_000, thinking: { isOn: true, budgetTokens: 9_000 } },
      { thinking: { type: 'enabled', budget_tokens: 1_999 } },
    ],
    [
      'max_tokens without room for a budget',
      { maxTokens: 500, thinking: { isOn: true, budgetTokens: 9_000 } },
      { thinking: { type: 'adaptive' } },
    ],
    [
      'hidden thinking',
      { thinking: { isOn: true, isShown: false } },
      { thinking: { type: 'adaptive', display: 'omitted' } },
    ],
    ['json mode', { format: { kind: 'json' } }, { system: 'Answer with one JSON object and nothing else.' }],
    ['the default tier', { serviceTier: 'default' }, { service_tier: 'standard_only' }],
    ['a tier that the API lacks', { serviceTier: 'flex' }, {}],
    [
      'what the API lacks',
      { seed: 1, minP: 0.1, presencePenalty: 1, verbosity: 'low', keepAlive: '5m', metadata: { a: 'b' } },
      {},
    ],
    ['a parallel setting without tools', { parallelCalls: false }, {}],
  ]
  for (const [name, settings, expected] of rows) {
    it(`writes ${name}`, () => {
      assert.deepEqual(settingsOf(settings), expected)
    })
  }

  it('replaces a user ID that is too long', () => {
    const { metadata } = settingsOf({ user: 'u'.repeat(300) })
    assert.match((metadata as { user_id: string }).user_id, /^[0-9a-f]{64}$/)
  })

  it('does not turn thinking on for an effort if a tool is forced', () => {
    const fields = settingsOf(
      { thinking: { effort: 'high' } },
      { tools: [tool('f')], toolChoice: { mode: 'required' } },
    )
    assert.deepEqual(fields.output_config, { effort: 'high' })
    assert.equal(fields.thinking, undefined)
  })
})

describe('tools of a Messages request', () => {
  const tools = [tool('a'), tool('b')]
  const choices: readonly (readonly [Conversation['toolChoice'], unknown, string[]])[] = [
    [undefined, undefined, ['a', 'b']],
    [{ mode: 'auto' }, { type: 'auto' }, ['a', 'b']],
    [{ mode: 'required' }, { type: 'any' }, ['a', 'b']],
    [{ mode: 'none' }, { type: 'none' }, ['a', 'b']],
    [{ mode: 'tool', name: 'b' }, { type: 'tool', name: 'b' }, ['a', 'b']],
    [{ mode: 'tool', name: 'web_search' }, { type: 'auto' }, ['a', 'b']],
    [{ mode: 'allowed', names: ['b'], isRequired: true }, { type: 'any' }, ['b']],
    [{ mode: 'allowed', names: ['b'], isRequired: false }, { type: 'auto' }, ['b']],
  ]
  for (const [toolChoice, expected, names] of choices) {
    it(`writes the choice ${JSON.stringify(toolChoice)}`, () => {
      const { body, toolNames } = write([user('Hi')], {}, { tools, toolChoice })
      assert.deepEqual(body.tool_choice, expected)
      assert.deepEqual(toolNames, names)
    })
  }

  it('sends no choice without tools', () => {
    const { body } = write([user('Hi')], {}, { toolChoice: { mode: 'required' } })
    assert.equal('tool_choice' in body || 'tools' in body, false)
  })

  it('leaves out tools that another server runs, not the others', () => {
    const hosted = { kind: 'hosted' as const, type: 'web_search', definition: { type: 'web_search' } }
    const { toolNames } = write([user('Hi')], {}, { tools: [hosted, tool('a')] })
    assert.deepEqual(toolNames, ['a'])
  })

  it('makes a custom tool a function with one string', () => {
    const format = { type: 'grammar', syntax: 'lark', definition: 'start: "x"' }
    const custom = { kind: 'custom' as const, name: 'patch', description: 'Patches.', format }
    const { body } = write([user('Hi')], {}, { tools: [custom] })
    assert.deepEqual(body.tools, [
      {
        name: 'patch',
        description: 'Patches.\n\nThe input must match this lark grammar:\nstart: "x"',
        input_schema: {
          type: 'object',
          properties: { input: { type: 'string', description: 'The whole input of the tool.' } },
          required: ['input'],
          additionalProperties: false,
        },
      },
    ])
  })

  it('changes names that the API refuses, and reports the client’s', () => {
    const long = 'x'.repeat(200)
    const written = write(
      [user('Hi'), assistant(call('c', 'mcp.server/tool'))],
      {},
      {
        tools: [tool('mcp.server/tool'), tool(long), tool('plain')],
        toolChoice: { mode: 'tool', name: 'mcp.server/tool' },
      },
    )
    const [first = '', second = '', third] = written.toolNames
    assert.match(first, /^mcp_server_tool_[0-9a-f]{8}$/)
    assert.equal(second.length, 128)
    assert.equal(third, 'plain')
    assert.deepEqual(
      [...(written.originalNames ?? [])],
      [
        [first, 'mcp.server/tool'],
        [second, long],
      ],
    )
    assert.deepEqual(written.body.tool_choice, { type: 'tool', name: first })
    assert.match(JSON.stringify(written.body.messages), new RegExp(`"name":"${first}"`))
  })

  it('completes schemas that are no objects', () => {
    const { body } = write([user('Hi')], {}, { tools: [tool('a'), tool('b', { schema: { $ref: '#/x' } })] })
    assert.deepEqual(
      (body.tools as { input_schema: unknown }[]).map(({ input_schema }) => input_schema),
      [
        { type: 'object', properties: {} },
        { $ref: '#/x', type: 'object' },
      ],
    )
  })
})

describe('media in a Messages request', () => {
  const partOf = (part: Parameters<typeof user>[0], readsFiles = false) => {
    const messages = messagesOf([user('Look', part)], { readsFiles })
    return messages[0]?.content.slice(1)
  }
  const pdf = { kind: 'data' as const, data: 'QQ==', mediaType: 'application/pdf' }
  const markdown = { kind: 'data' as const, data: 'IyBB', mediaType: 'text/markdown' }

  it('writes images', () => {
    const image = (source: object) => ({ kind: 'image', source }) as Parameters<typeof user>[0]
    assert.deepEqual(partOf(image({ kind: 'data', data: 'QQ==', mediaType: 'image/jpg' })), [
      { type: 'image', source: { type: 'base64', media_type: 'image/jpeg', data: 'QQ==' } },
    ])
    assert.deepEqual(partOf(image({ kind: 'url', url: 'http://h/a' })), [
      { type: 'image', source: { type: 'url', url: 'http://h/a' } },
    ])
    assert.deepEqual(partOf(image({ kind: 'file', id: 'file_1' })), [
      { type: 'text', text: '[An image stood here that this endpoint has no access to.]' },
    ])
  })

  it('writes documents for endpoints that read them', () => {
    assert.deepEqual(partOf({ kind: 'document', source: pdf, name: 'a.pdf' }, true), [
      {
        type: 'document',
        source: { type: 'base64', media_type: 'application/pdf', data: 'QQ==' },
        title: 'a.pdf',
      },
    ])
    assert.deepEqual(
      partOf({ kind: 'document', source: { kind: 'url', url: 'http://h/a' }, name: undefined }, true),
      [{ type: 'document', source: { type: 'url', url: 'http://h/a' } }],
    )
    assert.deepEqual(partOf({ kind: 'document', source: markdown, name: undefined }, true), [
      { type: 'document', source: { type: 'text', media_type: 'text/plain', data: '# A' } },
    ])
  })

  it('writes their text, or a sentence, for others', () => {
    assert.deepEqual(partOf({ kind: 'document', source: markdown, name: 'a.md' }), [
      { type: 'text', text: '[Document "a.md"]' },
      { type: 'text', text: '# A' },
    ])
    const [block] = partOf({ kind: 'document', source: pdf, name: 'a.pdf' }) ?? []
    assert.match(JSON.stringify(block), /Document \\"a.pdf\\" cannot be read here/)
  })
})
