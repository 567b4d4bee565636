import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Feature } from '../../../../src/dialects/hub/contract/features.ts'
import { readChat, refuses } from '../support.ts'

const schema = { type: 'object', properties: {} }
const f = { kind: 'function', name: 'f', description: 'd', schema, isStrict: false }
const definition = { name: 'f', description: 'd', parameters: schema }
const tools = [
  { type: 'function', function: definition },
  { type: 'function', function: { name: 'g' } },
]
const used = (fields: object): Feature[] => [...readChat(fields).uses].sort()

describe('reading tools of a chat', () => {
  const rows: readonly (readonly [name: string, fields: object, tools: object[], uses: Feature[]])[] = [
    ['nested', { tools: [{ type: 'function', function: definition }] }, [f], ['tools']],
    ['flat', { tools: [{ type: 'function', ...definition }] }, [f], ['tools']],
    ['without a type', { tools: [{ function: definition }] }, [f], ['tools']],
    ['of Anthropic', { tools: [{ name: 'f', description: 'd', input_schema: schema }] }, [f], ['tools']],
    ['functions', { functions: [definition] }, [f], ['tools']],
    [
      'a schema as text',
      { tools: [{ type: 'function', function: { ...definition, parameters: JSON.stringify(schema) } }] },
      [f],
      ['tools'],
    ],
    [
      'strict',
      { tools: [{ type: 'function', function: { ...definition, strict: true } }] },
      [{ ...f, isStrict: true }],
      ['strict_tools', 'tools'],
    ],
    [
      'strict beside the function',
      { tools: [{ type: 'function', strict: true, function: definition }] },
      [{ ...f, isStrict: true }],
      ['strict_tools', 'tools'],
    ],
    ['the same twice', { tools: [tools[0], tools[0]] }, [f], ['tools']],
    [
      'custom, with a grammar',
      {
        tools: [
          {
            type: 'custom',
            custom: {
              name: 'sh',
              format: { type: 'grammar', grammar: { syntax: 'lark', definition: 'start: "a"' } },
            },
          },
        ],
      },
      [
        {
          kind: 'custom',
          name: 'sh',
          description: undefined,
          format: { type: 'grammar', syntax: 'lark', definition: 'start: "a"' },
        },
      ],
      ['custom_tools', 'tools'],
    ],
    [
      'custom, flat',
      { tools: [{ type: 'custom', name: 'sh', description: 'd', format: { type: 'text' } }] },
      [{ kind: 'custom', name: 'sh', description: 'd', format: undefined }],
      ['custom_tools', 'tools'],
    ],
    [
      'hosted',
      { tools: [{ type: 'web_search' }] },
      [{ kind: 'hosted', type: 'web_search', definition: { type: 'web_search' } }],
      ['hosted_tools'],
    ],
    ['none', { tools: null }, [], []],
  ]
  for (const [name, fields, expected, uses] of rows) {
    it(name, () => {
      assert.deepEqual(readChat(fields).tools, expected)
      assert.deepEqual(used(fields), [...uses].sort())
    })
  }

  const refused: readonly (readonly [fields: object, field: string])[] = [
    [{ tools: 'f' }, 'tools'],
    [{ tools: ['f'] }, 'tools.0'],
    [{ tools: [{ type: 'function', function: {} }] }, 'tools.0.function.name'],
    [
      { tools: [{ type: 'function', function: { name: 'f', parameters: [] } }] },
      'tools.0.function.parameters',
    ],
    [{ functions: [{}] }, 'functions.0.name'],
  ]
  for (const [fields, field] of refused) {
    it(`refuses ${JSON.stringify(fields)}`, () => refuses(() => readChat(fields), field))
  }
})

describe('reading the choice of a tool', () => {
  const named = { mode: 'tool', name: 'f' }
  const rows: readonly (readonly [choice: unknown, expected: object | undefined, uses: Feature[]])[] = [
    [undefined, undefined, []],
    ['auto', { mode: 'auto' }, []],
    ['none', { mode: 'none' }, ['forbidden_tools']],
    ['required', { mode: 'required' }, ['tool_choice']],
    ['any', { mode: 'required' }, ['tool_choice']],
    [{ type: 'any' }, { mode: 'required' }, ['tool_choice']],
    // Nested, flat and other mistakes (open-webui/open-webui#30085).
    [{ type: 'function', function: { name: 'f' } }, named, ['named_tool']],
    [{ type: 'function', name: 'f' }, named, ['named_tool']],
    [{ function: { name: 'f' } }, named, ['named_tool']],
    [{ name: 'f' }, named, ['named_tool']],
    [{ type: 'tool', name: 'f' }, named, ['named_tool']],
    ['f', named, ['named_tool']],
    [
      {
        type: 'allowed_tools',
        allowed_tools: { mode: 'required', tools: [{ type: 'function', function: { name: 'g' } }] },
      },
      { mode: 'allowed', names: ['g'], isRequired: true },
      ['allowed_tools', 'tool_choice'],
    ],
    [
      { type: 'allowed_tools', mode: 'auto', tools: [{ type: 'function', name: 'g' }] },
      { mode: 'allowed', names: ['g'], isRequired: false },
      ['allowed_tools'],
    ],
  ]
  for (const [choice, expected, uses] of rows) {
    it(JSON.stringify(choice) ?? 'absent', () => {
      assert.deepEqual(readChat({ tools, tool_choice: choice }).toolChoice, expected)
      assert.deepEqual(used({ tools, tool_choice: choice }), [...uses, 'tools'].sort())
    })
  }

  it('reads function_call, and asks for one call at a time', () => {
    const functions = [definition]
    const { toolChoice, settings } = readChat({ functions, function_call: { name: 'f' } })
    assert.deepEqual(toolChoice, named)
    assert.equal(settings.parallelCalls, false)
    assert.deepEqual(readChat({ functions, function_call: 'none' }).toolChoice, { mode: 'none' })
    assert.ok(!used({ functions }).includes('parallel_tool_calls'))
  })

  it('chooses a tool that the server runs by its type', () => {
    const fields = { tools: [...tools, { type: 'web_search' }], tool_choice: { type: 'web_search' } }
    assert.deepEqual(readChat(fields).toolChoice, { mode: 'tool', name: 'web_search' })
  })

  it('ignores a choice without tools that changes nothing', () => {
    for (const choice of ['auto', 'none'])
      assert.equal(readChat({ tool_choice: choice }).toolChoice, undefined)
  })

  it('refuses a choice that no tool can meet', () => {
    refuses(() => readChat({ tool_choice: 'required' }), 'tool_choice')
    refuses(
      () => readChat({ tools, tool_choice: { type: 'function', function: { name: 'h' } } }),
      'tool_choice',
    )
    refuses(() => readChat({ tools, tool_choice: { type: 'function' } }), 'tool_choice')
    refuses(() => readChat({ tools, tool_choice: 7 }), 'tool_choice')
  })

  it('reads parallel_tool_calls only with tools', () => {
    assert.equal(readChat({ tools, parallel_tool_calls: false }).settings.parallelCalls, false)
    assert.ok(used({ tools, parallel_tool_calls: false }).includes('parallel_tool_calls'))
    assert.ok(!used({ tools, parallel_tool_calls: true }).includes('parallel_tool_calls'))
    assert.equal(readChat({ parallel_tool_calls: false }).settings.parallelCalls, undefined)
  })
})
