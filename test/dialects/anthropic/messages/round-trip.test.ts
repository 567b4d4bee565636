import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { MessageCreateParams, MessageParam } from '@anthropic-ai/sdk/resources/messages'
import fc from 'fast-check'
import { readMessages } from '../../../../src/dialects/anthropic/messages/request/read-request.ts'
import { writeMessagesRequest } from '../../../../src/dialects/anthropic/messages/request/write-request.ts'
import type { JsonObject } from '../../../../src/kernel/json/json-fields.ts'
import { target } from '../../hub/conversations.ts'

const rewritten = (request: object): JsonObject =>
  writeMessagesRequest(readMessages(request as JsonObject), target({ readsFiles: true })).body

describe('a Messages request that is read and written again', () => {
  it('is the same, with everything that it says', () => {
    const request = {
      model: 'native',
      max_tokens: 5_000,
      system: 'Be kind.',
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'Look' },
            { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'QQ==' } },
            { type: 'image', source: { type: 'url', url: 'http://host/a.png' } },
            {
              type: 'document',
              source: { type: 'base64', media_type: 'application/pdf', data: 'QQ==' },
              title: 'a.pdf',
            },
          ],
        },
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: 'Hm', signature: 'sig' },
            { type: 'text', text: 'Let me see.' },
            { type: 'tool_use', id: 'toolu_1', name: 'weather', input: { city: 'Rome' } },
            { type: 'tool_use', id: 'toolu_2', name: 'weather', input: {} },
          ],
        },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: 'toolu_1', content: 'sunny' },
            {
              type: 'tool_result',
              tool_use_id: 'toolu_2',
              content: [
                { type: 'text', text: 'broken' },
                { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'QQ==' } },
              ],
              is_error: true,
            },
            { type: 'text', text: 'And?' },
          ],
        },
        { role: 'assistant', content: 'It is' },
      ],
      tools: [
        {
          name: 'weather',
          description: 'Tells the weather.',
          input_schema: { type: 'object', properties: { city: { type: 'string' } } },
          strict: true,
        },
      ],
      tool_choice: { type: 'tool', name: 'weather', disable_parallel_tool_use: true },
      stream: true,
      stop_sequences: ['END'],
      thinking: { type: 'enabled', budget_tokens: 2_000 },
      output_config: { effort: 'max', format: { type: 'json_schema', schema: { type: 'object' } } },
      metadata: { user_id: 'u1' },
      service_tier: 'standard_only',
    } satisfies MessageCreateParams
    assert.deepEqual(rewritten(request), request)
  })

  const settings: readonly JsonObject[] = [
    { thinking: { type: 'adaptive' } },
    { thinking: { type: 'adaptive', display: 'omitted' } },
    { thinking: { type: 'disabled' } },
    { tools: [{ name: 'a', input_schema: { type: 'object' } }], tool_choice: { type: 'any' } },
    { tools: [{ name: 'a', input_schema: { type: 'object' } }], tool_choice: { type: 'none' } },
    { tools: [{ name: 'a', input_schema: { type: 'object' } }], tool_choice: { type: 'auto' } },
    { temperature: 0.5, top_p: 0.1, top_k: 3 },
  ]
  for (const given of settings) {
    it(`keeps ${JSON.stringify(given)}`, () => {
      const request = {
        model: 'native',
        max_tokens: 1,
        messages: [{ role: 'user', content: 'Hi' }],
        ...given,
      }
      assert.deepEqual(rewritten(request), request)
    })
  }

  it('is the same for any conversation in the API’s order', () => {
    const said = fc.string({ minLength: 1, maxLength: 10 }).map((text) => `a${text}b`)
    const image = { type: 'image', source: { type: 'url', url: 'http://host/a.png' } } as const
    const exchanges = fc.array(
      fc.record({
        question: fc.array(fc.oneof(said, fc.constant(image)), { minLength: 1, maxLength: 3 }),
        thinking: fc.option(said),
        answer: fc.option(said),
        inputs: fc.array(fc.dictionary(said, fc.integer()), { maxLength: 3 }),
        results: fc.array(fc.record({ text: said, is_error: fc.boolean() }), { minLength: 3, maxLength: 3 }),
      }),
      { minLength: 1, maxLength: 5 },
    )
    fc.assert(
      fc.property(exchanges, (list) => {
        const messages: MessageParam[] = []
        list.forEach(({ question, thinking, answer, inputs, results }, turn) => {
          const ids = inputs.map((_, at) => `toolu_${turn}_${at}`)
          const asked = question.map((each) =>
            typeof each === 'string' ? ({ type: 'text', text: each } as const) : each,
          )
          const said = [
            ...(thinking === null ? [] : [{ type: 'thinking' as const, thinking, signature: 's' }]),
            ...(answer === null ? [] : [{ type: 'text' as const, text: answer }]),
            ...inputs.map((input, at) => ({
              type: 'tool_use' as const,
              id: ids[at] ?? '',
              name: 'f',
              input: { ...input },
            })),
          ]
          // A turn that says nothing, or only thinks, cannot be sent.
          if (answer === null && inputs.length === 0) return
          add(messages, 'user', asked)
          add(messages, 'assistant', said)
          const answers = ids.map((tool_use_id, at) => ({
            type: 'tool_result' as const,
            tool_use_id,
            content: results[at]?.text ?? '',
            ...(results[at]?.is_error === true ? { is_error: true } : {}),
          }))
          if (answers.length > 0) add(messages, 'user', answers)
        })
        if (messages.length === 0) return
        const request = { model: 'native', max_tokens: 1, messages: messages.map(shortened) }
        assert.deepEqual(rewritten(request), request)
      }),
      { numRuns: 300 },
    )
  })
})

type Blocks = Exclude<MessageParam['content'], string>

function add(messages: MessageParam[], role: 'user' | 'assistant', blocks: Blocks): void {
  const last = messages.at(-1)
  if (last?.role === role && Array.isArray(last.content)) last.content.push(...blocks)
  else messages.push({ role, content: [...blocks] })
}

/** A single text is sent as a string. */
function shortened({ role, content }: MessageParam) {
  const [first] = content
  const isText = content.length === 1 && typeof first === 'object' && first.type === 'text'
  return { role, content: isText ? first.text : content }
}
