import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { responsesFields } from '../../../../src/dialects/openai/responses/request/read-request.ts'
import { message, read } from './support.ts'

describe('instructions and settings of a Responses request', () => {
  it('puts instructions first', () => {
    const { turns, uses } = read('Hi', { instructions: 'Be brief.' })
    assert.deepEqual(turns[0], { role: 'system', text: 'Be brief.', isDeveloper: false })
    assert.deepEqual([...uses], ['system'])
  })

  const rows: readonly (readonly [fields: object, settings: object, uses: string[]])[] = [
    [{}, {}, []],
    [
      { max_output_tokens: 5, temperature: 0, top_p: 0.5 },
      { maxTokens: 5, temperature: 0, topP: 0.5 },
      ['max_tokens', 'temperature', 'top_p'],
    ],
    [{ max_output_tokens: null, text: null, reasoning: null, tools: null, metadata: null }, {}, []],
    [{ text: { format: { type: 'text' }, verbosity: 'medium' } }, {}, []],
    [
      { text: { format: { type: 'json_object' }, verbosity: 'low' } },
      { format: { kind: 'json' }, verbosity: 'low' },
      ['json_mode', 'verbosity'],
    ],
    [
      { text: { format: { type: 'json_schema', name: 'n', schema: { type: 'object' }, strict: true } } },
      {
        format: {
          kind: 'schema',
          name: 'n',
          schema: { type: 'object' },
          description: undefined,
          isStrict: true,
        },
      },
      ['json_schema'],
    ],
    [{ reasoning: { effort: 'high' } }, { thinking: { effort: 'high', isShown: undefined } }, ['effort']],
    [{ reasoning: { effort: 'none' } }, { thinking: { isOn: false } }, ['thinking']],
    [
      { reasoning: { effort: 'low', summary: 'auto' } },
      { thinking: { effort: 'low', isShown: true } },
      ['effort', 'thinking_summary'],
    ],
    [
      { reasoning: { generate_summary: 'concise' } },
      { thinking: { effort: undefined, isShown: true } },
      ['thinking_summary'],
    ],
    [{ top_logprobs: 2 }, { logprobs: 2 }, ['logprobs']],
    [{ include: ['message.output_text.logprobs'] }, { logprobs: 0 }, ['logprobs']],
    [
      {
        include: ['reasoning.encrypted_content'],
        store: false,
        truncation: 'disabled',
        service_tier: 'auto',
      },
      { truncates: false },
      [],
    ],
    [{ include: ['web_search_call.action.sources'] }, {}, ['include']],
    [{ parallel_tool_calls: false }, { parallelCalls: false }, ['parallel_tool_calls']],
    [{ parallel_tool_calls: true }, { parallelCalls: true }, []],
    [{ metadata: { a: 'b' }, user: 'u' }, { metadata: { a: 'b' }, user: 'u' }, ['metadata', 'user']],
    [
      { safety_identifier: 's', service_tier: 'flex' },
      { user: 's', serviceTier: 'flex' },
      ['service_tier', 'user'],
    ],
    [
      { truncation: 'auto', background: true, prompt_cache_key: 'k' },
      { truncates: true },
      ['background', 'cache_control', 'truncation'],
    ],
    [
      { seed: 1, top_k: 2, min_p: 0.1, stop: 'x' },
      { seed: 1, topK: 2, minP: 0.1, stop: ['x'] },
      ['min_p', 'seed', 'stop', 'top_k'],
    ],
  ]
  for (const [fields, settings, uses] of rows) {
    it(`reads ${JSON.stringify(fields).slice(0, 90)}`, () => {
      const conversation = read('Hi', fields)
      const set = Object.fromEntries(
        Object.entries(conversation.settings).filter(([, value]) => value !== undefined),
      )
      assert.deepEqual(set, settings)
      assert.deepEqual([...conversation.uses].sort(), uses)
    })
  }

  it('applies the last change of the settings in the input', () => {
    const { settings } = read(
      [
        { type: 'configuration_update', reasoning: { effort: 'low' } },
        {
          type: 'configuration_update',
          reasoning: { effort: 'max' },
          text: { format: { type: 'json_object' } },
        },
        message('user', 'x'),
      ],
      { reasoning: { effort: 'high' } },
    )
    assert.equal(settings.thinking?.effort, 'max')
    assert.deepEqual(settings.format, { kind: 'json' })
  })

  const refused: readonly (readonly [fields: object, message: RegExp])[] = [
    [{ input: 5 }, /^input: must be a list/],
    [{ input: [] }, /^input: at least one message/],
    [{ input: ['x'] }, /^input\.0: must be an object/],
    [{ input: [{ role: 'critic', content: 'x' }] }, /^input\.0\.role: /],
    [
      { input: [message('user', [{ type: 'input_video', video_url: 'x' }])] },
      /^input\.0\.content\.0: .*"input_video"/,
    ],
    [{ input: [message('user', [{ type: 'input_text', text: 5 }])] }, /^input\.0\.content\.0\.text: /],
    [{ input: [message('user', [{ type: 'input_image' }])] }, /^input\.0\.content\.0: a readable image_url/],
    [{ input: [{ type: 'function_call', call_id: 'c', arguments: '{}' }] }, /^input\.0\.name: /],
    [{ input: [{ type: 'item_reference', id: 'msg_1' }] }, /^input\.0: Item with id 'msg_1' not found\./],
    [{ input: [{ id: 'fc_1' }] }, /^input\.0: Item with id 'fc_1' not found\./],
    // TsinHzl/kiro2cc-proxy#38
    [
      { input: [message('user', 'x'), { type: 'compaction_trigger' }] },
      /^input\.1: this server compacts conversations with POST/,
    ],
    [{ prompt: { id: 'pmpt_1' } }, /^prompt: /],
    [{ max_output_tokens: 'x' }, /^max_output_tokens: must be a number/],
    [{ max_output_tokens: 0 }, /^max_output_tokens: must be at least 1/],
    [{ stream: 'yes' }, /^stream: /],
    [{ tools: [5] }, /^tools\.0: /],
    [{ tools: [{ type: 'function' }] }, /^tools\.0\.name: /],
    [{ text: { format: { type: 'yaml' } } }, /^text\.format\.type: /],
    [{ text: { format: { type: 'json_schema', name: 'x' } } }, /^text\.format\.schema: /],
  ]
  for (const [fields, expected] of refused) {
    it(`refuses ${JSON.stringify(fields).slice(0, 80)}, naming the field`, () => {
      assert.throws(() => read('Hi', fields), {
        name: 'GatewayError',
        code: 'invalid_request',
        message: expected,
      })
    })
  }

  it('knows every field of the official SDK', async () => {
    const { readFile } = await import('node:fs/promises')
    const file = new URL(
      '../../../../node_modules/openai/resources/responses/responses.d.ts',
      import.meta.url,
    )
    const source = await readFile(file, 'utf8')
    const start = source.indexOf('export interface ResponseCreateParamsBase {')
    const body = source.slice(start, source.indexOf('\n}', start))
    const names = [...body.matchAll(/^ {4}(\w+)\?:/gm)].map(([, name]) => name)
    assert.ok(names.length > 25)
    for (const name of names) assert.ok(Object.hasOwn(responsesFields, String(name)), String(name))
  })
})
