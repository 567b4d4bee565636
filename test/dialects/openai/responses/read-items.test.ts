import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { orderTurns } from '../../../../src/dialects/hub/parts/ordered-turns.ts'
import { sealThinking } from '../../../../src/dialects/openai/responses/request/thinking-envelope.ts'
import { message, read } from './support.ts'

const text = (value: string) => ({ kind: 'text', text: value })
const user = (...parts: object[]) => ({ role: 'user', parts })
const assistant = (...parts: object[]) => ({ role: 'assistant', parts })
const result = (callId: string, parts: object[], isError = false) => ({
  role: 'results',
  results: [{ callId, name: undefined, parts, isError }],
})
const call = (id: string, name: string, args: string) => ({ kind: 'call', id, name, args })

describe('input of a Responses request', () => {
  const png = 'data:image/png;base64,AAAA'
  const image = {
    kind: 'image',
    source: { kind: 'data', data: 'AAAA', mediaType: 'image/png' },
    detail: undefined,
  }
  const rows: readonly (readonly [name: string, input: unknown, turns: object[], uses?: string[]])[] = [
    ['a string', 'Hi', [user(text('Hi'))]],
    ['a message with a string', [{ role: 'user', content: 'Hi' }], [user(text('Hi'))]],
    [
      'parts',
      [
        message('user', [
          { type: 'input_text', text: 'a' },
          { type: 'text', text: 'b' },
        ]),
      ],
      [user(text('a'), text('b'))],
    ],
    [
      'an image as a data URL',
      [message('user', [{ type: 'input_image', image_url: png }])],
      [user(image)],
      ['image_data'],
    ],
    [
      'an image by URL',
      [message('user', [{ type: 'input_image', image_url: 'http://x/i.png', detail: 'high' }])],
      [user({ kind: 'image', source: { kind: 'url', url: 'http://x/i.png' }, detail: 'high' })],
      ['image_detail', 'image_url'],
    ],
    [
      'an image by file',
      [message('user', [{ type: 'input_image', file_id: 'file_1' }])],
      [user({ kind: 'image', source: { kind: 'file', id: 'file_1' }, detail: undefined })],
      ['file_id'],
    ],
    [
      'a file',
      [
        message('user', [
          { type: 'input_file', filename: 'a.pdf', file_data: 'data:application/pdf;base64,AA==' },
        ]),
      ],
      [
        user({
          kind: 'document',
          source: { kind: 'data', data: 'AA==', mediaType: 'application/pdf' },
          name: 'a.pdf',
        }),
      ],
      ['document_data'],
    ],
    [
      'a file by URL',
      [message('user', [{ type: 'input_file', file_url: 'http://x/a.pdf' }])],
      [user({ kind: 'document', source: { kind: 'url', url: 'http://x/a.pdf' }, name: undefined })],
      ['document_url'],
    ],
    [
      'audio',
      [message('user', [{ type: 'input_audio', input_audio: { data: 'AA==', format: 'mp3' } }])],
      [user({ kind: 'audio', data: 'AA==', format: 'mp3' })],
      ['audio_input'],
    ],
    [
      'system and developer messages',
      [message('system', 's'), message('developer', [{ type: 'input_text', text: 'd' }])],
      [
        { role: 'system', text: 's', isDeveloper: false },
        { role: 'system', text: 'd', isDeveloper: true },
      ],
      ['developer', 'system'],
    ],
    [
      'an earlier answer',
      [
        {
          ...message('assistant', [{ type: 'output_text', text: 'a', annotations: [] }]),
          id: 'msg_1',
          status: 'completed',
        },
      ],
      [assistant(text('a'))],
    ],
    [
      'a refusal',
      [message('assistant', [{ type: 'refusal', refusal: 'no' }])],
      [assistant({ kind: 'refusal', text: 'no' })],
      ['refusal_history'],
    ],
    [
      'a call and its result',
      [
        { type: 'function_call', id: 'fc_1', call_id: 'c1', name: 'f', arguments: '{"a":1}' },
        { type: 'function_call_output', call_id: 'c1', output: 'ok' },
      ],
      [assistant(call('c1', 'f', '{"a":1}')), result('c1', [text('ok')])],
    ],
    [
      'arguments as an object, and none',
      [
        { type: 'function_call', call_id: 'c1', name: 'f', arguments: { a: 1 } },
        { type: 'function_call', call_id: 'c2', name: 'f', arguments: '' },
      ],
      [assistant(call('c1', 'f', '{"a":1}')), assistant(call('c2', 'f', '{}'))],
    ],
    [
      'arguments that are not JSON',
      [{ type: 'function_call', call_id: 'c1', name: 'f', arguments: '{"a":' }],
      [assistant(call('c1', 'f', '{"INVALID_JSON":"{\\"a\\":"}'))],
    ],
    [
      'a result with an image',
      [
        {
          type: 'function_call_output',
          call_id: 'c1',
          output: [
            { type: 'input_text', text: 'x' },
            { type: 'input_image', image_url: png },
          ],
        },
      ],
      [result('c1', [text('x'), image])],
      ['image_data', 'tool_result_image'],
    ],
    [
      'a failed result as Codex sends it',
      [{ type: 'function_call_output', call_id: 'c1', output: { content: 'exit 1', success: false } }],
      [result('c1', [text('exit 1')], true)],
      ['tool_result_error'],
    ],
    [
      'a call of a custom tool',
      [
        { type: 'custom_tool_call', call_id: 'c1', name: 'apply_patch', input: '*** "x"\n' },
        { type: 'custom_tool_call_output', call_id: 'c1', output: 'done' },
      ],
      [assistant(call('c1', 'apply_patch', '{"input":"*** \\"x\\"\\n"}')), result('c1', [text('done')])],
    ],
    [
      'a local shell call, whose output names its item',
      [
        {
          type: 'local_shell_call',
          id: 'lsh_1',
          call_id: 'c1',
          status: 'completed',
          action: { type: 'exec', command: ['ls'], env: {} },
        },
        { type: 'local_shell_call_output', id: 'lsh_1', output: 'a\n' },
      ],
      [assistant(call('c1', 'local_shell', '{"command":["ls"],"env":{}}')), result('c1', [text('a\n')])],
    ],
    [
      'a shell call',
      [
        { type: 'shell_call', call_id: 'c1', action: { commands: ['ls', 'rm x'], timeout_ms: 5 } },
        {
          type: 'shell_call_output',
          call_id: 'c1',
          output: [
            { stdout: 'a', stderr: '', outcome: { type: 'exit', exit_code: 0 } },
            { stdout: '', stderr: 'no x', outcome: { type: 'exit', exit_code: 1 } },
          ],
        },
      ],
      [
        assistant(call('c1', 'shell', '{"commands":["ls","rm x"],"timeout_ms":5}')),
        result('c1', [text('a\nno x\n[exit code 1]')]),
      ],
    ],
    [
      'a patch',
      [
        {
          type: 'apply_patch_call',
          call_id: 'c1',
          status: 'completed',
          operation: { type: 'delete_file', path: 'x' },
        },
        { type: 'apply_patch_call_output', call_id: 'c1', status: 'failed', output: 'no x' },
      ],
      [
        assistant(call('c1', 'apply_patch', '{"type":"delete_file","path":"x"}')),
        result('c1', [text('no x')], true),
      ],
      ['tool_result_error'],
    ],
    [
      'a call that OpenAI made to an MCP server',
      [
        {
          type: 'mcp_call',
          id: 'mcp_1',
          server_label: 'dice',
          name: 'roll',
          arguments: '{}',
          output: '4',
          error: null,
        },
      ],
      [assistant(call('mcp_1', 'dice__roll', '{}')), result('mcp_1', [text('4')])],
    ],
    [
      'a tool search of the client',
      [
        { type: 'tool_search_call', call_id: 'c1', execution: 'client', arguments: { query: 'x' } },
        {
          type: 'tool_search_output',
          call_id: 'c1',
          execution: 'client',
          tools: [{ type: 'function', name: 'f', description: 'F' }],
        },
      ],
      [
        assistant(call('c1', 'tool_search', '{"query":"x"}')),
        result('c1', [text('These tools are available now:\nf: F')]),
      ],
      ['tools'],
    ],
    [
      'a message to an agent',
      [
        {
          type: 'agent_message',
          author: '/root',
          recipient: '/root/a',
          content: [{ type: 'input_text', text: 'go' }],
        },
      ],
      [user(text('[Message from /root]\ngo'))],
    ],
    [
      'thinking as content',
      [{ type: 'reasoning', id: 'rs_1', summary: [], content: [{ type: 'reasoning_text', text: 'hm' }] }],
      [assistant({ kind: 'thinking', text: 'hm', signature: undefined })],
      ['thinking_history'],
    ],
    [
      'thinking as a summary',
      [{ type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'hm' }] }],
      [assistant({ kind: 'thinking', text: 'hm', signature: undefined })],
      ['thinking_history'],
    ],
    [
      'thinking in an envelope of the gateway',
      [
        {
          type: 'reasoning',
          id: 'rs_1',
          summary: [],
          encrypted_content: sealThinking({ text: 'hm ü', signature: 'sig' }),
        },
      ],
      [assistant({ kind: 'thinking', text: 'hm ü', signature: 'sig' })],
      ['thinking_history'],
    ],
  ]
  for (const [name, input, turns, uses = []] of rows) {
    it(`reads ${name}`, () => {
      const conversation = read(input)
      assert.deepEqual(conversation.turns, turns)
      assert.deepEqual([...conversation.uses].sort(), uses)
    })
  }

  /** fish2lab/DSCodex#23, CommandCodeAI/command-code#893, openai/codex#20574, sgl-project/sglang#35216 */
  const skipped: readonly (readonly [name: string, item: object])[] = [
    [
      'the encrypted thinking of another server',
      { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'gAAAAABn' },
    ],
    ['an envelope of a later version', { type: 'reasoning', summary: [], encrypted_content: 'olla2.AA.AA' }],
    ['a broken envelope', { type: 'reasoning', summary: [], encrypted_content: 'olla1.AA' }],
    [
      'a web search',
      { type: 'web_search_call', id: 'ws_1', status: 'completed', action: { type: 'search', query: 'x' } },
    ],
    ['a file search', { type: 'file_search_call', id: 'fs_1', status: 'completed', queries: [] }],
    ['an image', { type: 'image_generation_call', id: 'ig_1', status: 'completed', result: 'AA==' }],
    ['a list of MCP tools', { type: 'mcp_list_tools', id: 'mcpl_1', server_label: 'x', tools: [] }],
    [
      'a server-side tool search',
      { type: 'tool_search_call', id: 'ts_1', call_id: null, execution: 'server', arguments: {} },
    ],
    ['another server’s compaction', { type: 'compaction', encrypted_content: 'gAAAAABn' }],
    ['a snapshot', { type: 'ghost_snapshot', ghost_commit: {} }],
    ['a reference to thinking', { type: 'item_reference', id: 'rs_1' }],
    ['an item of a later version', { type: 'thing_of_2030', payload: { a: [1] } }],
    [
      'an encrypted message to an agent',
      { type: 'agent_message', content: [{ type: 'encrypted_content', encrypted_content: 'x' }] },
    ],
  ]
  for (const [name, item] of skipped) {
    it(`skips ${name}`, () => {
      assert.deepEqual(read(['before', 'after'].flatMap((each) => [message('user', each), item])).turns, [
        user(text('before')),
        user(text('after')),
      ])
    })
  }

  it('knows calls and results of unknown types by their IDs', () => {
    const { turns } = read([
      { type: 'future_call', call_id: 'c1', status: 'completed', action: { go: true } },
      {
        type: 'future_call_output',
        call_id: 'c1',
        output: { type: 'computer_screenshot', image_url: 'http://x/s.png' },
      },
    ])
    assert.deepEqual(turns, [
      assistant(call('c1', 'future', '{"action":{"go":true}}')),
      result('c1', [{ kind: 'image', source: { kind: 'url', url: 'http://x/s.png' }, detail: undefined }]),
    ])
  })

  /** openai/codex#8556, farion1231/cc-switch#3047 */
  it('puts all calls before all results, and a message after them', () => {
    const together = orderTurns(
      read([
        message('user', 'go'),
        { type: 'function_call', call_id: 'c1', name: 'f', arguments: '{}' },
        { type: 'function_call', call_id: 'c2', name: 'f', arguments: '{}' },
        message('user', 'wait'),
        { type: 'function_call_output', call_id: 'c2', output: '2' },
        { type: 'function_call_output', call_id: 'c1', output: '1' },
      ]).turns,
    )
    assert.deepEqual(
      together.map((turn) =>
        turn.role === 'results' ? turn.results.map(({ callId }) => callId) : turn.role,
      ),
      ['user', 'assistant', ['c1', 'c2'], 'user'],
    )
  })

  it('reads 1,000 levels of nested content', () => {
    let content: unknown = 'x'
    for (let level = 0; level < 1_000; level++) content = [content]
    assert.deepEqual(read([message('user', content)]).turns, [user(text('x'))])
  })
})
