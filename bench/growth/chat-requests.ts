// Readers of requests from chat clients, and writers of the same requests for chat endpoints.

import { readChatRequest } from '../../src/dialects/openai/chat/request/read-request.ts'
import { writeChatRequest } from '../../src/dialects/openai/chat/request/write-request.ts'
import { plainChat } from '../../src/endpoints/profiles/chat-shape.ts'
import { isObject } from '../../src/kernel/json/json-fields.ts'
import type { GrowthCase } from './cases.ts'
import { listed, numbered } from './input.ts'

const user = '{"role":"user","content":"a word and another"}'
const call = '{"id":"c#","type":"function","function":{"name":"f","arguments":"{\\"a\\":1}"}}'
const result = '{"role":"tool","tool_call_id":"c#","content":"done"}'
const tool = '{"type":"function","function":{"name":"tool#","parameters":{"type":"object"}}}'

type Input = (bytes: number) => Buffer

const messages =
  (unit: string): Input =>
  (bytes) =>
    numbered(unit, bytes, `{"model":"m","messages":[${user},`, `,${user}]}`)
const field =
  (name: string, unit: string): Input =>
  (bytes) =>
    numbered(unit, bytes, `{"model":"m","messages":[${user}],"${name}":[`, ']}')

const shapes: readonly (readonly [string, Input])[] = [
  ['turns', messages(`${user},{"role":"assistant","content":"b","reasoning":"hm"}`)],
  ['calls and results', messages(`{"role":"assistant","content":null,"tool_calls":[${call}]},${result}`)],
  ['calls of assistants in a row', messages(`{"role":"assistant","content":null,"tool_calls":[${call}]}`)],
  ['results without calls', messages(result)],
  [
    'results of one turn',
    (bytes) => {
      const calls = numbered(call, bytes / 2, '[', ']')
      const results = numbered(result, bytes / 2, '', '')
      return Buffer.from(
        `{"model":"m","messages":[${user},{"role":"assistant","tool_calls":${calls}},${results}]}`,
      )
    },
  ],
  ['system messages', messages('{"role":"system","content":"be brief"}')],
  [
    'pictures',
    messages(
      '{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,aGk="}}]}',
    ),
  ],
  [
    'deltas of reasoning',
    (bytes) =>
      listed(
        '{"type":"reasoning.text","text":"a","index":0}',
        bytes,
        `{"model":"m","messages":[${user},{"role":"assistant","content":"b","reasoning_details":[`,
        `]},${user}]}`,
      ),
  ],
  ['tools', field('tools', tool)],
  [
    'a choice among all tools',
    (bytes) => {
      const tools = numbered(tool, bytes / 2, '[', ']')
      const names = numbered('{"type":"function","name":"tool#"}', bytes / 2, '[', ']')
      return Buffer.from(
        `{"model":"m","messages":[${user}],"tools":${tools},"tool_choice":{"type":"allowed_tools","tools":${names}}}`,
      )
    },
  ],
  ['stop sequences', field('stop', '"stop#"')],
  ['fields', (bytes) => numbered('"field#":1', bytes, `{"messages":[${user}],`, '}')],
]

/** A request refused for its content has been read up to that point. */
function translate(body: Buffer): void {
  const request: unknown = JSON.parse(body.toString('latin1'))
  if (!isObject(request)) return
  try {
    JSON.stringify(writeChatRequest(readChatRequest(request), { model: 'm', traits: plainChat }).body)
  } catch {
    // Refused.
  }
}

export const chatRequests: readonly GrowthCase[] = shapes.map(([shape, input]) => ({
  reader: 'translator of chat requests',
  shape,
  run: (bytes) => translate(input(bytes)),
}))
