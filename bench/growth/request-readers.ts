// Readers of requests: scanner, parser, translator, token counter, prefix hash, uploads.

import { readMessagesRequest } from '../../src/dialects/anthropic/messages/request/messages-request.ts'
import { readMessages } from '../../src/dialects/anthropic/messages/request/read-request.ts'
import { writeChatRequest } from '../../src/dialects/openai/chat/request/write-request.ts'
import { inspectRequest } from '../../src/dialects/requests/inspect.ts'
import { promptText } from '../../src/dialects/translate/messages-to-chat/tokens/prompt-text.ts'
import { estimateTokens } from '../../src/dialects/translate/messages-to-chat/tokens/token-estimate.ts'
import { type ChatTraits, plainChat } from '../../src/endpoints/profiles/chat-shape.ts'
import { findField, findQueryField } from '../../src/http/body/form-fields.ts'
import { MultipartScanner } from '../../src/http/body/multipart.ts'
import { isDeeper } from '../../src/kernel/json/json-depth.ts'
import type { JsonObject } from '../../src/kernel/json/json-fields.ts'
import { parseLossless } from '../../src/kernel/json/lossless.ts'
import { SessionKeys } from '../../src/routing/affinity/key-sources.ts'
import type { GrowthCase } from './cases.ts'
import { inPieces, listed, numbered, repeated } from './input.ts'

const user = '{"role":"user","content":"a word and another"}'
const chat = (unit: string) => (bytes: number) => listed(unit, bytes, '{"model":"m","messages":[', ']}')

function scan(body: Buffer): void {
  const inspection = inspectRequest(body, 'application/json', '/v1/chat/completions')
  inspection.needs?.()
}

const scanner: readonly GrowthCase[] = (
  [
    ['one long text', (bytes) => repeated('word ', bytes, '{"model":"m","messages":[{"content":"', '"}]}')],
    ['escapes', (bytes) => repeated('\\"\\\\', bytes, '{"model":"m","prompt":"', '"}')],
    ['many messages', chat(user)],
    ['many keys', (bytes) => numbered('"key#":1', bytes, '{', ',"model":"m"}')],
    ['the model again and again', (bytes) => listed('"model":"m"', bytes, '{', '}')],
    ['many pictures', chat('{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:,a"}}]}')],
    ['many tools', (bytes) => listed('{"type":"function"}', bytes, '{"model":"m","tools":[', ']}')],
    ['many levels', (bytes) => repeated('[', bytes, '{"model":"m","messages":', '')],
    ['no end', (bytes) => repeated('"a', bytes, '{"model":', '')],
  ] as const satisfies readonly [string, (bytes: number) => Buffer][]
).map(([shape, input]) => ({ reader: 'scanner', shape, run: (bytes) => scan(input(bytes)) }))

const lossless: readonly GrowthCase[] = (
  [
    ['one long integer among many', (bytes) => listed('1', bytes, '[12345678901234567,', ']')],
    ['long integers', (bytes) => listed('12345678901234567', bytes, '[', ']')],
    ['digits in texts', (bytes) => listed('"12345678901234567\\\\"', bytes, '[', ']')],
    ['one long number', (bytes) => repeated('1', bytes)],
  ] as const satisfies readonly [string, (bytes: number) => Buffer][]
).map(([shape, input]) => ({
  reader: 'parser',
  shape,
  run: (bytes) => void JSON.stringify(parseLossless(input(bytes).toString('latin1'))),
}))

const call = '{"role":"assistant","content":[{"type":"tool_use","id":"t#","name":"f","input":{"a":1}}]}'
const result = '{"role":"user","content":[{"type":"tool_result","tool_use_id":"t#","content":"done"}]}'
const system = '{"role":"system","content":"be brief"}'
const messages = (list: (bytes: number, before: string, after: string) => Buffer) => (bytes: number) =>
  list(bytes, `{"model":"m","max_tokens":5,"messages":[${user},`, `,${user}]}`)
const blocks = (unit: string) =>
  messages((bytes, before, after) => listed(unit, bytes, `${before}{"role":"user","content":[`, `]}${after}`))

const requests: readonly [string, (bytes: number) => Buffer][] = [
  ['one long text', blocks(`{"type":"text","text":"${'word '.repeat(20_000)}"}`)],
  [
    'turns',
    messages((bytes, ...rest) => listed(`${user},{"role":"assistant","content":"b"}`, bytes, ...rest)),
  ],
  ['user messages in a row', messages((bytes, ...rest) => listed(user, bytes, ...rest))],
  ['system messages', messages((bytes, ...rest) => listed(system, bytes, ...rest))],
  ['blocks of text', blocks('{"type":"text","text":"word"}')],
  ['pictures', blocks('{"type":"image","source":{"type":"base64","media_type":"image/png","data":"aGk="}}')],
  ['documents', blocks('{"type":"document","source":{"type":"text","media_type":"text/plain","data":"a"}}')],
  ['calls and results', messages((bytes, ...rest) => numbered(`${call},${result}`, bytes, ...rest))],
  [
    'results of one turn',
    messages((bytes, before, after) => {
      const calls = numbered('{"type":"tool_use","id":"t#","name":"f","input":{}}', bytes / 2, '[', ']')
      const results = numbered('{"type":"tool_result","tool_use_id":"t#","content":"x"}', bytes / 2, '[', ']')
      return Buffer.from(
        `${before}{"role":"assistant","content":${calls}},{"role":"user","content":${results}}${after}`,
      )
    }),
  ],
  [
    'thoughts',
    messages((bytes, ...rest) =>
      listed(
        `{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"b"}]},${user}`,
        bytes,
        ...rest,
      ),
    ),
  ],
  ['unknown blocks', blocks('{"type":"other","other":[1,2,3]}')],
  [
    'tools',
    (bytes) =>
      numbered(
        '{"name":"tool#","input_schema":{"type":"object"}}',
        bytes,
        `{"model":"m","max_tokens":5,"messages":[${user}],"tools":[`,
        ']}',
      ),
  ],
  [
    'tools with long names',
    (bytes) =>
      numbered(
        `{"name":"${'long'.repeat(30)}#","input_schema":{"type":"object"}}`,
        bytes,
        `{"model":"m","max_tokens":5,"messages":[${user}],"tools":[`,
        ']}',
      ),
  ],
  [
    'stop sequences',
    (bytes) =>
      numbered('"stop#"', bytes, `{"model":"m","max_tokens":5,"messages":[${user}],"stop_sequences":[`, ']}'),
  ],
  [
    'system blocks',
    (bytes) =>
      listed(
        '{"type":"text","text":"a"}',
        bytes,
        `{"model":"m","max_tokens":5,"messages":[${user}],"system":[`,
        ']}',
      ),
  ],
]

/** A request refused for its content has been read up to that point. */
function read(body: Buffer): ReturnType<typeof readMessagesRequest> | undefined {
  try {
    return readMessagesRequest(body)
  } catch {
    return undefined
  }
}

function chatRequest(request: JsonObject, traits: ChatTraits): JsonObject {
  return writeChatRequest(readMessages(request), { model: 'm', traits }).body
}

const translator: readonly GrowthCase[] = requests.map(([shape, input]) => ({
  reader: 'translator of requests',
  shape,
  run: (bytes) => {
    const request = read(input(bytes))
    if (request === undefined) return
    JSON.stringify(chatRequest(request, { ...plainChat, maxToolNameLength: 64 }))
  },
}))

const counter: readonly GrowthCase[] = requests.map(([shape, input]) => ({
  reader: 'count_tokens',
  shape,
  run: async (bytes) => {
    const request = read(input(bytes))
    if (request === undefined) return
    const chat = chatRequest(request, plainChat)
    promptText(chat)
    // The tokenizer is left out, since it stops at a time limit.
    await estimateTokens(
      chat,
      async () => (text: string) => text.length,
      async () => {},
    )
  },
}))

function hash(body: Buffer, path: string): void {
  const keys = new SessionKeys({
    sources: ['metadata_user_id', 'prompt_cache_key', 'prefix_hash'],
    blockBytes: 1_024,
  })
  keys.read({ rawHeaders: [], path, body, model: 'm', caller: undefined, clientAddress: '' }, () => false)
}

const prefix: readonly GrowthCase[] = (
  [
    ['one long prompt', (bytes) => repeated('word ', bytes, '{"model":"m","prompt":"', '"}')],
    ['many messages', chat(user)],
    [
      'many members',
      (bytes) => numbered('"key#":1', bytes, '{"model":"m","messages":[{"role":"user",', '}]}'),
    ],
    [
      'many blocks',
      (bytes) =>
        listed(
          '{"type":"text","text":"a"}',
          bytes,
          '{"model":"m","messages":[{"role":"user","content":[',
          ']}]}',
        ),
    ],
    ['system messages', chat(system)],
    ['a long identity', (bytes) => repeated('a', bytes, '{"model":"m","metadata":{"user_id":"', '"}}')],
  ] as const satisfies readonly [string, (bytes: number) => Buffer][]
).map(([shape, input]) => ({
  reader: 'prefix hash',
  shape,
  run: (bytes) => hash(input(bytes), '/v1/chat/completions'),
}))

const boundary = 'multipart/form-data; boundary=edge'
const part = '--edge\r\ncontent-disposition: form-data; name="other"\r\n\r\nvalue\r\n'

const uploads: readonly GrowthCase[] = (
  [
    ['many parts', (bytes) => repeated(part, bytes, '', '--edge--')],
    ['nearly boundaries', (bytes) => repeated('\r\n--edg', bytes, part)],
    ['heads without an end', (bytes) => repeated('--edge\r\n', bytes)],
    [
      'one long part',
      (bytes) => repeated('a', bytes, '--edge\r\ncontent-disposition: form-data; name="model"\r\n\r\n'),
    ],
  ] as const satisfies readonly [string, (bytes: number) => Buffer][]
).flatMap(([shape, input]) =>
  [65_536, 64].map((pieceBytes) => ({
    reader: 'uploads',
    shape: `${shape}, ${pieceBytes} bytes at a time`,
    run: (bytes: number) => {
      const scanning = new MultipartScanner(boundary, 'model')
      inPieces(input(bytes), pieceBytes, (piece) => scanning.push(piece))
    },
  })),
)

const forms: readonly GrowthCase[] = [
  { reader: 'forms', shape: 'many fields', run: (bytes) => void findField(repeated('a=b&', bytes), 'model') },
  { reader: 'forms', shape: 'no values', run: (bytes) => void findField(repeated('&', bytes), 'model') },
  {
    reader: 'forms',
    shape: 'empty models',
    run: (bytes) => void findField(repeated('model=&', bytes), 'model'),
  },
  {
    reader: 'forms',
    shape: 'a query',
    run: (bytes) => void findQueryField(`?${repeated('a=b&', bytes).toString('latin1')}`, 'model'),
  },
  { reader: 'levels', shape: 'many texts', run: (bytes) => void isDeeper(repeated('"a",', bytes, '['), 64) },
]

export const requestReaders: readonly GrowthCase[] = [
  ...scanner,
  ...lossless,
  ...translator,
  ...counter,
  ...prefix,
  ...uploads,
  ...forms,
]
