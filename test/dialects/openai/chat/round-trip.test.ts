import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { refusedFeatures } from '../../../../src/dialects/hub/contract/features.ts'
import { chatFates } from '../../../../src/dialects/openai/chat/request/chat-fates.ts'
import { readChatRequest } from '../../../../src/dialects/openai/chat/request/read-request.ts'
import { writeChatRequest } from '../../../../src/dialects/openai/chat/request/write-request.ts'
import type { ChatTraits } from '../../../../src/endpoints/profiles/chat-shape.ts'
import type { JsonObject } from '../../../../src/kernel/json/json-fields.ts'
import { agentRequests } from './agent-requests.ts'

const traits: ChatTraits = {
  reasoningField: 'reasoning_content',
  thinkingSwitch: 'chat_template_kwargs',
  readsFiles: true,
  continuesMessages: true,
  effort: 'reasoning_effort',
  repeatPenalty: 'repetition_penalty',
}

/** A request as it goes to a chat endpoint after the gateway has read it. */
const again = (request: JsonObject): JsonObject =>
  JSON.parse(JSON.stringify(writeChatRequest(readChatRequest(request), { model: 'm', traits }).body))

const schema = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] }

describe('a chat request that is read and written', () => {
  it('is the same, if it is as servers expect it', () => {
    const request = {
      model: 'm',
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', name: 'Ann', content: 'Hi' },
        {
          role: 'assistant',
          reasoning_content: 'Hm',
          content: 'I look.',
          tool_calls: [
            { id: 'c1', type: 'function', function: { name: 'f', arguments: '{ "a": 1 }' } },
            { id: 'c2', type: 'function', function: { name: 'f', arguments: '{}' } },
          ],
        },
        { role: 'tool', tool_call_id: 'c1', content: 'one' },
        { role: 'tool', tool_call_id: 'c2', content: 'two' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'And this?' },
            { type: 'image_url', image_url: { url: 'https://x/y.png', detail: 'low' } },
            { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } },
            { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } },
            { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,JVBE' } },
          ],
        },
      ],
      tools: [
        { type: 'function', function: { name: 'f', description: 'd', parameters: schema, strict: true } },
      ],
      tool_choice: { type: 'function', function: { name: 'f' } },
      parallel_tool_calls: false,
      stream: true,
      stream_options: { include_usage: true },
      max_tokens: 9,
      temperature: 0,
      top_p: 0.5,
      top_k: 4,
      min_p: 0.1,
      repetition_penalty: 1.1,
      seed: 1,
      stop: ['a'],
      presence_penalty: 0.5,
      frequency_penalty: 0.5,
      logit_bias: { 1: 2 },
      logprobs: true,
      top_logprobs: 2,
      user: 'u',
      verbosity: 'low',
      reasoning_effort: 'high',
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'n', schema, strict: true, description: 'd' },
      },
    }
    assert.deepEqual(again(request), request)
    assert.deepEqual(refusedFeatures(readChatRequest(request).uses, chatFates), [])
  })

  for (const { agent, request, messages } of agentRequests) {
    it(`has the messages of ${agent}`, () => {
      const written = again(request)
      assert.deepEqual(written.messages, messages)
      assert.deepEqual(again(written), written)
      assert.deepEqual(refusedFeatures(readChatRequest(request).uses, chatFates), [])
    })
  }

  const text = fc.constantFrom('a', 'b\n', '', '<think>', 'ä😀')
  const content = fc.oneof(
    text,
    fc.constant(null),
    fc.array(
      fc.oneof(
        text.map((value) => ({ type: 'text', text: value })),
        fc.constant({ type: 'image_url', image_url: 'https://x/y.png' }),
        text,
      ),
      { maxLength: 3 },
    ),
  )
  const id = fc.constantFrom('1', '2', '', undefined)
  const call = fc.record({
    id,
    function: fc.record({
      name: fc.constantFrom('f', 'g'),
      arguments: fc.constantFrom<unknown[]>('{"a":1}', { a: 1 }, '', null, 'no json', '[]'),
    }),
  })
  const message = fc.oneof(
    fc.record({
      role: fc.constantFrom('system', 'developer', 'user'),
      content,
      name: fc.constantFrom('n', undefined),
    }),
    fc.record({
      role: fc.constant('assistant'),
      content: fc.oneof(text, fc.constant(null)),
      reasoning: fc.constantFrom('r', '', undefined),
      tool_calls: fc.array(call, { maxLength: 3 }),
    }),
    fc.record({
      role: fc.constantFrom('tool', 'function'),
      tool_call_id: id,
      name: fc.constantFrom('f', undefined),
      content,
    }),
  )

  it('changes nothing the second time, and its results follow their calls', () => {
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 8 }), (messages) => {
        const once = again({ model: 'm', messages })
        const sent = once.messages as { role: string; tool_calls?: { id: string }[]; tool_call_id?: string }[]
        let open: string[] = []
        for (const { role, tool_calls: calls, tool_call_id: resultOf } of sent) {
          if (role === 'tool') {
            assert.ok(open.includes(String(resultOf)))
            open.splice(0, open.indexOf(String(resultOf)) + 1)
          } else open = (calls ?? []).map((each) => each.id)
          for (const each of calls ?? []) assert.notEqual(each.id, '')
        }
        if (sent.length > 0) assert.deepEqual(again(once), once)
      }),
      { numRuns: 1_000 },
    )
  })
})
