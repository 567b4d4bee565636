import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { message, read } from './support.ts'

const fn = (name: string, others: object = {}) => ({
  type: 'function',
  name,
  parameters: { type: 'object' },
  ...others,
})
const namespace = {
  type: 'namespace',
  name: 'mcp__git__',
  description: 'Git',
  tools: [fn('log'), { name: 'show' }],
}

const namesOf = (tools: unknown[], input: unknown = 'Hi') =>
  read(input, { tools }).tools.map((tool) => (tool.kind === 'hosted' ? `hosted ${tool.type}` : tool.name))

describe('tools of a Responses request', () => {
  it('reads functions, flat or nested', () => {
    const flat = fn('f', { description: 'd', strict: true })
    const nested = { type: 'function', function: { name: 'g', parameters: null } }
    const { tools, uses } = read('Hi', { tools: [flat, nested] })
    assert.deepEqual(tools, [
      {
        kind: 'function',
        name: 'f',
        description: 'd',
        schema: { type: 'object' },
        isStrict: true,
        member: undefined,
      },
      {
        kind: 'function',
        name: 'g',
        description: undefined,
        schema: undefined,
        isStrict: false,
        member: undefined,
      },
    ])
    assert.deepEqual([...uses].sort(), ['strict_tools', 'tools'])
  })

  /** openai/codex#23186, coder/coder#28656, router-for-me/CLIProxyAPI#5482 */
  it('reads one function per member of a namespace', () => {
    const { tools, uses } = read('Hi', { tools: [namespace] })
    assert.deepEqual(
      tools.map((tool) => (tool.kind === 'hosted' ? undefined : [tool.name, tool.member])),
      [
        ['mcp__git__log', { namespace: 'mcp__git__', name: 'log' }],
        ['mcp__git__show', { namespace: 'mcp__git__', name: 'show' }],
      ],
    )
    assert.deepEqual([...uses].sort(), ['tool_namespaces', 'tools'])
  })

  it('reads tools from items of the input', () => {
    const input = [
      { type: 'additional_tools', role: 'developer', tools: [namespace, fn('f')] },
      { type: 'tool_search_output', call_id: 'c', execution: 'client', tools: [fn('g')] },
      message('user', 'x'),
      { type: 'function_call', call_id: 'c1', namespace: 'mcp__git__', name: 'log', arguments: '{}' },
    ]
    assert.deepEqual(namesOf([], input), ['mcp__git__log', 'mcp__git__show', 'f', 'g'])
    const last = read(input).turns.at(-1)
    assert.ok(last?.role === 'assistant' && last.parts[0]?.kind === 'call')
    assert.equal(last.parts[0].name, 'mcp__git__log')
  })

  it('keeps names unique: a later definition replaces an earlier one, and a member evades a function', () => {
    assert.deepEqual(namesOf([fn('f'), fn('g'), fn('f')]), ['f', 'g'])
    assert.deepEqual(namesOf([fn('a__f'), { type: 'namespace', name: 'a', tools: [fn('f')] }]), [
      'a__f',
      'a__f_2',
    ])
  })

  /** CommandCodeAI/command-code#885 */
  it('keeps the other tools beside a tool of the server', () => {
    const hosted = [
      { type: 'web_search' },
      { type: 'code_interpreter', container: { type: 'auto' } },
      { type: 'mcp', server_label: 'a', server_url: 'http://x' },
      { type: 'mcp', server_label: 'b', server_url: 'http://y' },
      { type: 'shell', environment: { type: 'container_auto' } },
    ]
    assert.deepEqual(namesOf([...hosted, fn('f')]), [
      'hosted web_search',
      'hosted code_interpreter',
      'hosted mcp',
      'hosted mcp',
      'hosted shell',
      'f',
    ])
    assert.ok(read('Hi', { tools: hosted }).uses.has('hosted_tools'))
  })

  it('reads tools that the client runs as functions', () => {
    const search = {
      type: 'tool_search',
      execution: 'client',
      description: 'd',
      parameters: { type: 'object' },
    }
    const { tools, uses } = read('Hi', {
      tools: [
        { type: 'local_shell' },
        { type: 'shell' },
        { type: 'apply_patch' },
        search,
        { type: 'tool_search' },
      ],
    })
    assert.deepEqual(
      tools.map((tool) => (tool.kind === 'function' ? [tool.name, tool.clientType] : tool.kind)),
      [
        ['local_shell', 'local_shell'],
        ['shell', 'shell'],
        ['apply_patch', 'apply_patch'],
        ['tool_search', 'tool_search'],
      ],
    )
    assert.deepEqual([...uses], ['tools'])
  })

  it('reads custom tools', () => {
    const grammar = { type: 'grammar', syntax: 'lark', definition: 'start: "x"' }
    const { tools, uses } = read('Hi', {
      tools: [
        { type: 'custom', name: 'a', description: 'd', format: grammar },
        { type: 'custom', name: 'b', format: { type: 'text' } },
      ],
    })
    assert.deepEqual(tools, [
      { kind: 'custom', name: 'a', description: 'd', format: grammar, member: undefined },
      { kind: 'custom', name: 'b', description: undefined, format: undefined, member: undefined },
    ])
    assert.deepEqual([...uses], ['custom_tools'])
  })
})

describe('tool_choice of a Responses request', () => {
  const tools = [
    fn('f'),
    fn('g'),
    { type: 'custom', name: 'c' },
    namespace,
    { type: 'web_search' },
    { type: 'local_shell' },
  ]
  const rows: readonly (readonly [choice: unknown, expected: object | undefined, ...uses: string[]])[] = [
    [undefined, undefined],
    ['auto', { mode: 'auto' }],
    ['none', { mode: 'none' }, 'forbidden_tools'],
    ['required', { mode: 'required' }, 'tool_choice'],
    [{ type: 'function', name: 'f' }, { mode: 'tool', name: 'f' }, 'named_tool'],
    [{ type: 'function', function: { name: 'f' } }, { mode: 'tool', name: 'f' }, 'named_tool'],
    [
      { type: 'function', namespace: 'mcp__git__', name: 'log' },
      { mode: 'tool', name: 'mcp__git__log' },
      'named_tool',
    ],
    [{ type: 'custom', name: 'c' }, { mode: 'tool', name: 'c' }, 'named_tool'],
    [{ type: 'local_shell' }, { mode: 'tool', name: 'local_shell' }, 'named_tool'],
    [{ type: 'web_search' }, undefined],
    [{ type: 'mcp', server_label: 'x' }, undefined],
    [
      {
        type: 'allowed_tools',
        mode: 'required',
        tools: [{ type: 'function', name: 'g' }, { type: 'web_search' }],
      },
      { mode: 'allowed', names: ['g'], isRequired: true },
      'tool_choice',
      'allowed_tools',
    ],
    [{ type: 'allowed_tools', mode: 'auto', tools: [{ type: 'web_search' }] }, undefined],
  ]
  for (const [choice, expected, ...used] of rows) {
    it(`reads ${JSON.stringify(choice)}`, () => {
      const { toolChoice, uses } = read('Hi', { tools, tool_choice: choice })
      assert.deepEqual(toolChoice, expected)
      const found = [...uses].filter((each) =>
        ['tool_choice', 'forbidden_tools', 'named_tool', 'allowed_tools'].includes(each),
      )
      assert.deepEqual(found.sort(), used.sort())
    })
  }

  it('goes with the tools if only the server would run them', () => {
    for (const choice of ['auto', 'none', 'required']) {
      assert.equal(read('Hi', { tools: [{ type: 'web_search' }], tool_choice: choice }).toolChoice, undefined)
    }
  })

  it('refuses a tool that the request does not have', () => {
    assert.throws(() => read('Hi', { tools, tool_choice: { type: 'function', name: 'h' } }), {
      message: "tool_choice: Tool choice 'h' not found in 'tools'.",
    })
  })
})
