import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ResponseCreateParams } from 'openai/resources/responses/responses'
import { readResponsesRequest } from '../../../../src/dialects/openai/responses/request/read-request.ts'
import { writeResponsesRequest } from '../../../../src/dialects/openai/responses/request/write-request.ts'
import type { ChatTraits } from '../../../../src/endpoints/profiles/chat-shape.ts'
import type { JsonObject } from '../../../../src/kernel/json/json-fields.ts'
import { target } from '../../hub/conversations.ts'

const rewritten = (request: object, traits: Partial<ChatTraits> = {}): JsonObject =>
  writeResponsesRequest(readResponsesRequest(request as JsonObject), target({ readsFiles: true, ...traits }))
    .body

const message = (role: string, content: unknown) => ({ type: 'message', role, content })
const said = (id: string, ...content: object[]) => ({
  type: 'message',
  role: 'assistant',
  id,
  status: 'completed',
  content,
})

describe('a Responses request that is read and written again', () => {
  it('is the same, with everything that it says', () => {
    const request = {
      model: 'native',
      instructions: 'Be kind.',
      input: [
        {
          type: 'message',
          role: 'user',
          content: [
            { type: 'input_text', text: 'Look' },
            { type: 'input_image', image_url: 'data:image/png;base64,QQ==', detail: 'low' },
            { type: 'input_image', image_url: 'http://host/a.png', detail: 'auto' },
            { type: 'input_file', filename: 'a.pdf', file_data: 'data:application/pdf;base64,QQ==' },
          ],
        },
        {
          type: 'message',
          role: 'assistant',
          id: 'msg_1',
          status: 'completed',
          content: [{ type: 'output_text', text: 'Let me see.', annotations: [] }],
        },
        { type: 'function_call', call_id: 'call_1', name: 'weather', arguments: '{"city":"Rome"}' },
        { type: 'function_call', call_id: 'call_2', name: 'weather', arguments: '{}' },
        { type: 'function_call_output', call_id: 'call_1', output: 'sunny' },
        { type: 'function_call_output', call_id: 'call_2', output: 'broken' },
        { type: 'message', role: 'developer', content: 'New rule.' },
        { type: 'message', role: 'user', content: 'And?' },
      ],
      tools: [
        {
          type: 'function',
          name: 'weather',
          description: 'Tells the weather.',
          parameters: { type: 'object', properties: { city: { type: 'string' } } },
          strict: true,
        },
      ],
      tool_choice: { type: 'function', name: 'weather' },
      parallel_tool_calls: false,
      stream: true,
      store: false,
      max_output_tokens: 5_000,
      temperature: 0.5,
      top_p: 0.9,
      top_logprobs: 2,
      text: {
        format: { type: 'json_schema', name: 'answer', schema: { type: 'object' }, strict: true },
        verbosity: 'low',
      },
      reasoning: { effort: 'high', summary: 'auto' },
      include: ['reasoning.encrypted_content', 'message.output_text.logprobs'],
      metadata: { a: 'b' },
      user: 'u1',
      service_tier: 'flex',
    } satisfies ResponseCreateParams
    assert.deepEqual(rewritten(request), request)
  })

  it('keeps the reasoning that the gateway sealed', () => {
    const input = [
      message('user', 'Hi'),
      said('msg_1', { type: 'output_text', text: 'No.', annotations: [] }),
      message('user', 'Why?'),
      {
        type: 'reasoning',
        id: 'rs_3',
        summary: [],
        content: [{ type: 'reasoning_text', text: 'Hm' }],
      },
      said('msg_4', { type: 'output_text', text: 'So.', annotations: [] }),
      message('user', 'Oh.'),
    ]
    const request = { model: 'native', input, store: false }
    assert.deepEqual(rewritten(request, { reasoningField: 'reasoning' }), request)
  })

  const settings: readonly JsonObject[] = [
    { reasoning: { effort: 'none' } },
    { text: { format: { type: 'json_object' } } },
    { tools: [{ type: 'function', name: 'a', parameters: { type: 'object' }, strict: false }] },
    {
      tools: [{ type: 'function', name: 'a', parameters: { type: 'object' }, strict: false }],
      tool_choice: 'required',
    },
  ]
  for (const given of settings) {
    it(`keeps ${JSON.stringify(given)}`, () => {
      const request = { model: 'native', input: [message('user', 'Hi')], store: false, ...given }
      assert.deepEqual(rewritten(request), request)
    })
  }
})
