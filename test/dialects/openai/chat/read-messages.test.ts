import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Feature } from '../../../../src/dialects/hub/contract/features.ts'
import { orderTurns } from '../../../../src/dialects/hub/parts/ordered-turns.ts'
import { readChat, refuses, turnsOf } from '../support.ts'

const text = (content: string) => ({ kind: 'text', text: content })
const user = (...parts: object[]) => ({ role: 'user', parts, name: undefined })
const assistant = (...parts: object[]) => ({ role: 'assistant', parts })
const call = (id: string, name: string, args = '{}') => ({ kind: 'call', id, name, args })
const thought = (content: string, signature?: string) => ({ kind: 'thinking', text: content, signature })
const png = 'iVBORw0KGgo='
const pngPart = { kind: 'image', source: { kind: 'data', data: png, mediaType: 'image/png' } }
const usesOf = (message: object): Feature[] => [...readChat({ messages: [message] }).uses].sort()

describe('reading a message of a chat', () => {
  const rows: readonly (readonly [name: string, message: object, turns: object[]])[] = [
    [
      'system text',
      { role: 'system', content: 'Be brief.' },
      [{ role: 'system', text: 'Be brief.', isDeveloper: false }],
    ],
    [
      'system parts',
      {
        role: 'system',
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ],
      },
      [{ role: 'system', text: 'a\n\nb', isDeveloper: false }],
    ],
    ['developer', { role: 'developer', content: 'x' }, [{ role: 'system', text: 'x', isDeveloper: true }]],
    ['an empty system message', { role: 'system', content: '' }, []],
    ['user text', { role: 'user', content: 'Hi' }, [user(text('Hi'))]],
    ['user name', { role: 'user', content: 'Hi', name: 'Ann' }, [{ ...user(text('Hi')), name: 'Ann' }]],
    ['user without text', { role: 'user', content: '' }, [user(text(''))]],
    ['user null', { role: 'user', content: null }, [user(text(''))]],
    [
      'parts, nested and as strings',
      { role: 'user', content: ['a', [{ type: 'text', text: 'b' }], { type: 'input_text', text: 'c' }] },
      [user(text('a'), text('b'), text('c'))],
    ],
    ['assistant text', { role: 'assistant', content: 'Yes.' }, [assistant(text('Yes.'))]],
    [
      'refusal',
      { role: 'assistant', content: null, refusal: 'No.' },
      [assistant({ kind: 'refusal', text: 'No.' })],
    ],
    [
      'refusal part',
      { role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }] },
      [assistant({ kind: 'refusal', text: 'No.' })],
    ],
    [
      'calls beside null (mckinsey/agents-at-scale-ark#3394)',
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{"a": 1}' } }],
      },
      [assistant(call('c1', 'f', '{"a": 1}'))],
    ],
    [
      'arguments as an object, empty, null or absent',
      {
        role: 'assistant',
        content: '',
        tool_calls: [{ a: 1 }, '', null, undefined].map((args, index) => ({
          id: `c${index}`,
          function: { name: 'f', arguments: args },
        })),
      },
      [assistant(call('c0', 'f', '{"a":1}'), call('c1', 'f'), call('c2', 'f'), call('c3', 'f'))],
    ],
    [
      'arguments that are not an object',
      { role: 'assistant', tool_calls: [{ id: 'c', function: { name: 'f', arguments: '{"a":' } }] },
      [assistant(call('c', 'f', '{"INVALID_JSON":"{\\"a\\":"}'))],
    ],
    [
      'a call without an ID',
      { role: 'assistant', tool_calls: [{ function: { name: 'f', arguments: '{}' } }] },
      [assistant(call('', 'f'))],
    ],
    [
      'a call in the flat form',
      { role: 'assistant', tool_calls: [{ id: 7, name: 'f', arguments: {} }] },
      [assistant(call('7', 'f'))],
    ],
    [
      'a call of a custom tool',
      {
        role: 'assistant',
        tool_calls: [{ id: 'c', type: 'custom', custom: { name: 'sh', input: 'ls "x"' } }],
      },
      [assistant(call('c', 'sh', '{"input":"ls \\"x\\""}'))],
    ],
    [
      'function_call',
      { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{}' } },
      [assistant(call('', 'f'))],
    ],
    [
      'reasoning_content',
      { role: 'assistant', content: 'A', reasoning_content: 'R' },
      [assistant(thought('R'), text('A'))],
    ],
    [
      'reasoning',
      { role: 'assistant', content: 'A', reasoning_content: '', reasoning: 'R' },
      [assistant(thought('R'), text('A'))],
    ],
    [
      'reasoning_details, whole',
      {
        role: 'assistant',
        content: 'A',
        reasoning: 'RS',
        reasoning_details: [
          { type: 'reasoning.text', text: 'RS', signature: 'sig', index: 0 },
          { type: 'reasoning.encrypted', data: 'blob', index: 1 },
        ],
      },
      [assistant(thought('RS', 'sig'), thought('', 'blob'), text('A'))],
    ],
    [
      'reasoning_details, as deltas',
      {
        role: 'assistant',
        content: 'A',
        reasoning_details: [
          { type: 'reasoning.text', text: 'R', index: 0 },
          { type: 'reasoning.text', text: 'S', index: 0 },
          { type: 'reasoning.text', signature: 'sig', index: 0 },
        ],
      },
      [assistant(thought('RS', 'sig'), text('A'))],
    ],
    [
      'a signature beside the text',
      {
        role: 'assistant',
        content: 'A',
        reasoning_content: 'RS',
        reasoning_details: [{ type: 'reasoning.text', text: '', signature: 'sig' }],
      },
      [assistant(thought('RS', 'sig'), text('A'))],
    ],
    [
      'thinking_blocks',
      {
        role: 'assistant',
        content: 'A',
        thinking_blocks: [{ type: 'thinking', thinking: 'R', signature: 's' }],
      },
      [assistant(thought('R', 's'), text('A'))],
    ],
    [
      'thinking parts of Mistral',
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: [{ type: 'text', text: 'R' }] },
          { type: 'text', text: 'A' },
        ],
      },
      [assistant(thought('R'), text('A'))],
    ],
    [
      'tool result',
      { role: 'tool', tool_call_id: 'c', content: 'ok' },
      [{ role: 'results', results: [{ callId: 'c', name: undefined, isError: false, parts: [text('ok')] }] }],
    ],
    [
      'tool result as parts with an image',
      {
        role: 'tool',
        tool_call_id: 'c',
        name: 'f',
        content: [
          { type: 'text', text: 'see' },
          { type: 'image_url', image_url: { url: `data:image/png;base64,${png}` } },
        ],
      },
      [
        {
          role: 'results',
          results: [{ callId: 'c', name: 'f', isError: false, parts: [text('see'), pngPart] }],
        },
      ],
    ],
    [
      'tool result as an object',
      { role: 'tool', content: { temp: 3 } },
      [
        {
          role: 'results',
          results: [{ callId: '', name: undefined, isError: false, parts: [text('{"temp":3}')] }],
        },
      ],
    ],
    [
      'function result',
      { role: 'function', name: 'f', content: 'ok' },
      [{ role: 'results', results: [{ callId: '', name: 'f', isError: false, parts: [text('ok')] }] }],
    ],
    [
      'calls and results in the form of Anthropic (Cursor)',
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'c', content: 'ok', is_error: true },
          { type: 'text', text: 'go on' },
        ],
      },
      [
        { role: 'results', results: [{ callId: 'c', isError: true, parts: [text('ok')] }] },
        user(text('go on')),
      ],
    ],
    [
      'tool_use part',
      { role: 'assistant', content: [{ type: 'tool_use', id: 'c', name: 'f', input: { a: 1 } }] },
      [assistant(call('c', 'f', '{"a":1}'))],
    ],
  ]
  for (const [name, message, turns] of rows) {
    it(name, () => assert.deepEqual(turnsOf(message), turns))
  }
})

describe('reading messages of a chat', () => {
  const refused: readonly (readonly [messages: unknown, field: string])[] = [
    [undefined, 'messages'],
    [[], 'messages'],
    [['text'], 'messages.0'],
    [[{ role: 'model', content: 'x' }], 'messages.0.role'],
    [[{ content: 'x' }], 'messages.0.role'],
    [[{ role: 'user', content: [{ type: 'text' }] }], 'messages.0.content.0.text'],
    [[{ role: 'user', content: [{ type: 'hologram' }] }], 'messages.0.content.0.type'],
    [
      [{ role: 'user', content: [{ type: 'image_url', image_url: {} }] }],
      'messages.0.content.0.image_url.url',
    ],
    [
      [{ role: 'user', content: [{ type: 'image_url', image_url: 'data:bad' }] }],
      'messages.0.content.0.image_url.url',
    ],
    [[{ role: 'user', content: [{ type: 'file', file: {} }] }], 'messages.0.content.0.file'],
    [
      [{ role: 'user', content: [{ type: 'input_audio', input_audio: {} }] }],
      'messages.0.content.0.input_audio.data',
    ],
    [
      [{ role: 'user', content: [{ type: 'audio_url', audio_url: { url: 'https://x/a.wav' } }] }],
      'messages.0.content.0.audio_url.url',
    ],
    [[{ role: 'assistant', tool_calls: ['f'] }], 'messages.0.tool_calls.0'],
    [
      [{ role: 'assistant', tool_calls: [{ id: 'c', function: {} }] }],
      'messages.0.tool_calls.0.function.name',
    ],
    [[{ role: 'assistant', content: [{ type: 'image_url', image_url: 'x' }] }], 'messages.0.content.0.type'],
  ]
  for (const [messages, field] of refused) {
    it(`refuses ${JSON.stringify(messages)}`, () => refuses(() => readChat({ messages }), field))
  }

  it('notes what the history contains', () => {
    const uses = (message: object) => usesOf(message)
    assert.deepEqual(uses({ role: 'system', content: 'x' }), ['system'])
    assert.deepEqual(uses({ role: 'developer', content: 'x' }), ['developer'])
    assert.deepEqual(uses({ role: 'user', content: 'x', name: 'n' }), ['user_name'])
    assert.deepEqual(uses({ role: 'assistant', content: 'x', refusal: 'n' }), ['refusal_history'])
    assert.deepEqual(uses({ role: 'assistant', content: 'x', reasoning: 'r' }), ['thinking_history'])
    assert.deepEqual(uses({ role: 'assistant', tool_calls: [{ function: { name: 'f' } }] }), ['tools'])
    assert.deepEqual(uses({ role: 'assistant', audio: { id: 'a' } }), ['audio_output'])
    assert.deepEqual(uses({ role: 'tool', is_error: true, content: 'x' }), ['tool_result_error'])
  })

  it('joins the calls of assistants in a row, in the order of thinking, text and calls (vybestack/llxprt-code#1302)', () => {
    const calls = (id: string) => [{ id, function: { name: 'f', arguments: '{}' } }]
    const turns = turnsOf(
      { role: 'assistant', content: null, tool_calls: calls('1') },
      { role: 'assistant', content: 'Two more.', reasoning_content: 'R' },
      { role: 'assistant', content: '', tool_calls: calls('2') },
      { role: 'tool', tool_call_id: '2', content: 'y' },
      { role: 'tool', tool_call_id: '1', content: 'x' },
    )
    const [joined, results, ...others] = orderTurns(turns)
    assert.deepEqual(joined, assistant(thought('R'), text('Two more.'), call('1', 'f'), call('2', 'f')))
    assert.ok(results?.role === 'results')
    assert.deepEqual(
      results.results.map(({ callId, parts }) => [callId, parts]),
      [
        ['1', [text('x')]],
        ['2', [text('y')]],
      ],
    )
    assert.deepEqual(others, [])
  })

  it('refuses values that are nested too deeply instead of overflowing the stack', () => {
    let deep: object = {}
    for (let level = 0; level < 200_000; level++) deep = { a: deep }
    const message = { role: 'assistant', tool_calls: [{ id: 'c', function: { name: 'f', arguments: deep } }] }
    refuses(() => readChat({ messages: [message] }), 'messages')
    let lists: unknown = 'x'
    for (let level = 0; level < 200_000; level++) lists = [lists]
    assert.deepEqual(turnsOf({ role: 'user', content: lists }), [user(text('x'))])
  })
})
