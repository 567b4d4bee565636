// Ollama's API: its requests read and written for endpoints of both kinds, its answers read and written.

import { AnswerBuilder, type Expected } from '../../src/dialects/hub/answer/answer-builder.ts'
import { LineReader } from '../../src/dialects/hub/answer/line-reader.ts'
import type { FormatCall } from '../../src/dialects/hub/format.ts'
import { ollamaChatFormat } from '../../src/dialects/ollama/chat/format.ts'
import { writeChatRequest } from '../../src/dialects/openai/chat/request/write-request.ts'
import { plainChat } from '../../src/endpoints/profiles/chat-shape.ts'
import { isObject } from '../../src/kernel/json/json-fields.ts'
import { parseLossless } from '../../src/kernel/json/lossless.ts'
import type { GrowthCase } from './cases.ts'
import { inPieces, listed, numbered } from './input.ts'

const user = '{"role":"user","content":"a word and another"}'
const call = '{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":{"a":1}}}]}'
const result = '{"role":"tool","content":"done","tool_name":"f"}'
const tool =
  '{"type":"function","function":{"name":"f#","parameters":{"properties":{"a":{"type":"string"}}}}}'
const messages = (unit: string) => (bytes: number) =>
  listed(unit, bytes, `{"model":"m","messages":[${user},`, ']}')

function translate(body: Buffer): void {
  const request = parseLossless(body.toString('utf8'))
  if (!isObject(request)) return
  const conversation = ollamaChatFormat.readRequest(request)
  const target = { model: 'native', traits: plainChat }
  JSON.stringify(writeChatRequest(conversation, target).body)
  JSON.stringify(ollamaChatFormat.writeRequest(conversation, target).body)
}

const requests: readonly GrowthCase[] = (
  [
    ['many messages', messages(user)],
    ['many calls with results', messages(`${call},${result}`)],
    ['many results of one turn', messages(result)],
    ['many calls of one turn', messages(call)],
    [
      'many calls of one message',
      (bytes) =>
        listed(
          '{"function":{"name":"f","arguments":{}}}',
          bytes,
          `{"model":"m","messages":[${user},{"role":"assistant","tool_calls":[`,
          `]},${result}]}`,
        ),
    ],
    ['many tools', (bytes) => numbered(tool, bytes, `{"model":"m","messages":[${user}],"tools":[`, ']}')],
    ['many images', messages('{"role":"user","content":"x","images":["iVBORw0KGgo="]}')],
    ['many options', (bytes) => numbered('"o#":1', bytes, `{"messages":[${user}],"options":{`, '}}')],
  ] as const satisfies readonly [string, (bytes: number) => Buffer][]
).map(([shape, input]) => ({ reader: 'Ollama requests', shape, run: (bytes) => translate(input(bytes)) }))

const expected: Expected = {
  model: 'm',
  keepsModel: false,
  stopSequences: [],
  dropsThinking: false,
  promptTokens: 1,
  newCallId: () => 'call',
  callIds: [],
  toolNames: [],
  reasoningField: 'none',
  endpointMark: '',
}

const formatCall: FormatCall = {
  conversation: {
    turns: [],
    tools: [],
    toolChoice: undefined,
    settings: { logprobs: 1 },
    isStream: true,
    uses: new Set(),
  },
  request: {},
  requestId: 'id',
  isStream: true,
  newId: (prefix) => prefix,
  nowMs: () => 0,
  monotonicMs: () => 0,
}

/** Reads the lines of an answer and writes them again, or one object. */
function answer(bytes: Buffer, pieceBytes: number, isStream: boolean): void {
  const writer = ollamaChatFormat.writeAnswer({ ...formatCall, isStream })
  const builder = new AnswerBuilder(writer, expected)
  const reader = ollamaChatFormat.readAnswer(builder)
  const lines = new LineReader((line) => {
    const value: unknown = JSON.parse(line.toString('utf8'))
    if (isObject(value) && builder.outcome === undefined) reader.push(value, '', false)
  })
  inPieces(bytes, pieceBytes, (piece) => {
    lines.push(piece)
    writer.take()
  })
  lines.end()
  builder.end()
  writer.take()
}

const line = (message: string, more = '') =>
  `{"model":"m","message":{"role":"assistant",${message}}${more},"done":false}\n`
const answers: readonly GrowthCase[] = (
  [
    ['texts', line('"content":"a"')],
    ['thinking', line('"content":"","thinking":"a"')],
    ['calls', line('"content":"","tool_calls":[{"function":{"name":"f","arguments":{"a":1}}}]')],
    ['log probabilities before their text', line('"content":""', ',"logprobs":[{"token":"a","logprob":-1}]')],
    ['log probabilities', line('"content":"a"', ',"logprobs":[{"token":"a","logprob":-1}]')],
  ] as const
).flatMap(([shape, unit]) =>
  [true, false].flatMap((isStream) =>
    [65_536, 64].map((pieceBytes) => ({
      reader: 'Ollama answers',
      shape: `${shape}, ${isStream ? 'streamed' : 'whole'}, ${pieceBytes} bytes at a time`,
      run: (bytes: number) => {
        const count = Math.max(1, Math.floor(bytes / unit.length))
        answer(Buffer.alloc(count * unit.length, unit), pieceBytes, isStream)
      },
    })),
  ),
)

export const ollamaFormats: readonly GrowthCase[] = [...requests, ...answers]
