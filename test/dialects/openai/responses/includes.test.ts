import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ResponseIncludable } from 'openai/resources/responses/responses'
import { formats } from '../../../../src/dialects/all.ts'
import { refusedFeatures } from '../../../../src/dialects/hub/contract/features.ts'
import { readResponsesRequest } from '../../../../src/dialects/openai/responses/request/read-request.ts'
import type { JsonObject } from '../../../../src/kernel/json/json-fields.ts'
import { callDelta, chunk, events, usage } from './support.ts'

const read = (fields: JsonObject) => readResponsesRequest({ model: 'm', input: 'hi', ...fields })

/** Every documented value, and what it becomes for endpoints of other APIs. */
const values: Readonly<Record<ResponseIncludable, 'mapped' | 'dropped'>> = {
  'message.output_text.logprobs': 'mapped',
  'reasoning.encrypted_content': 'mapped',
  // Input items always have their images.
  'message.input_image.image_url': 'mapped',
  'web_search_call.results': 'dropped',
  'web_search_call.action.sources': 'dropped',
  'file_search_call.results': 'dropped',
  'code_interpreter_call.outputs': 'dropped',
  'computer_call_output.output.image_url': 'dropped',
}

describe('include', () => {
  for (const [value, fate] of Object.entries(values)) {
    it(`${value} is ${fate}, at endpoints of every API`, () => {
      const { uses, settings } = read({ include: [value] })
      assert.equal(uses.has('include'), fate === 'dropped')
      assert.equal(settings.logprobs !== undefined, value === 'message.output_text.logprobs')
      for (const { name, fates } of formats) {
        const refused = refusedFeatures(uses, fates)
        // Messages has no probabilities.
        const isRefused = value === 'message.output_text.logprobs' && fates.logprobs === 'refused'
        assert.deepEqual(refused, isRefused ? ['logprobs'] : [], name)
      }
    })
  }

  it('refuses an undocumented value', () => {
    for (const value of ['everything', 'message.text', '', 1, null]) {
      assert.throws(() => read({ include: [value] }), /include\.0: /)
    }
    assert.throws(() => read({ include: 'all' }), /include: must be a list/)
  })
})

describe('truncation and max_tool_calls', () => {
  it('refuse other values, as OpenAI does', () => {
    for (const truncation of ['left', 1, true])
      assert.throws(() => read({ truncation }), /truncation: must be/)
    for (const max of [0, -1, 1.5, 'many']) {
      assert.throws(() => read({ max_tool_calls: max }), /max_tool_calls: must be/)
    }
    read({ truncation: null, max_tool_calls: null, include: null })
  })
})

describe('an answer with more built-in calls than max_tool_calls', () => {
  const tools = [{ type: 'local_shell' }, { type: 'function', name: 'f', parameters: {} }]
  const chunks = [
    ...['local_shell', 'f', 'local_shell', 'local_shell', 'f'].map((name, index) =>
      callDelta(index, `call_${index}`, name, name === 'f' ? '{}' : '{"command":["ls"]}'),
    ),
    chunk({}, 'tool_calls', usage(5, 2)),
  ]

  for (const [max, types] of [
    [1, ['local_shell_call', 'function_call', 'function_call']],
    [2, ['local_shell_call', 'function_call', 'local_shell_call', 'function_call']],
    [
      undefined,
      ['local_shell_call', 'function_call', 'local_shell_call', 'local_shell_call', 'function_call'],
    ],
  ] as const) {
    it(`has the first ${max ?? 'of them and all others'} and every function call`, () => {
      const list = events({ tools, ...(max === undefined ? {} : { max_tool_calls: max }) }, chunks)
      const last = list.at(-1) ?? assert.fail()
      const output = last.response?.output ?? []
      assert.deepEqual([last.type, output.map(({ type }) => type)], ['response.completed', types])
      const added = list.filter(({ type }) => type === 'response.output_item.added')
      assert.deepEqual(
        added.map(({ output_index }) => output_index),
        types.map((_, index) => index),
      )
    })
  }
})

describe('the service tier of a translated response', () => {
  for (const [reported, shown] of [
    [undefined, 'default'],
    [null, 'default'],
    ['priority', 'priority'],
    ['flex', 'flex'],
    ['something', 'default'],
  ] as const) {
    it(`is ${shown} if the endpoint reports ${reported}`, () => {
      const beside = { ...usage(5, 2), ...(reported === undefined ? {} : { service_tier: reported }) }
      const list = events({ service_tier: 'auto' }, [chunk({ content: 'hi' }), chunk({}, 'stop', beside)])
      assert.equal(list.at(-1)?.response?.service_tier, shown)
    })
  }
})
