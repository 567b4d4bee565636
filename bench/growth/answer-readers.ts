// Readers of answers: model lists, usage, starts and ends of answers, the translator of answers.

import { BeginningJudge } from '../../src/dialects/answers/answer-beginning.ts'
import { ModelRename } from '../../src/dialects/answers/model-rename.ts'
import { StreamWatch } from '../../src/dialects/answers/stream-ending.ts'
import { judgeWhole } from '../../src/dialects/answers/whole-answer.ts'
import { WholeMessageEvents } from '../../src/dialects/anthropic/messages/answer/whole-message.ts'
import { messageWriter } from '../../src/dialects/anthropic/messages/answer/write-answer.ts'
import { readContextLimit } from '../../src/dialects/errors/context-limit.ts'
import type { Expected } from '../../src/dialects/hub/answer/answer-builder.ts'
import { type AnswerTranslation, translateAnswer } from '../../src/dialects/hub/answer/answer-translation.ts'
import { ChatReader } from '../../src/dialects/openai/chat/answer/read-answer.ts'
import { chat } from '../../src/dialects/openai/chat.ts'
import { UsageStrip } from '../../src/dialects/openai/usage-strip.ts'
import { StreamMeter } from '../../src/dialects/usage/stream-meter.ts'
import { UsageReader } from '../../src/dialects/usage/usage-reader.ts'
import { parseModelList } from '../../src/endpoints/discovery/list-parsers.ts'
import { unknownUsage } from '../../src/endpoints/profiles/profile-usage.ts'
import { ResponseReader } from '../../src/http/client/own/response-reader.ts'
import type { Clock } from '../../src/kernel/clock.ts'
import { LineEnds } from '../../src/kernel/stream/line-ends.ts'
import type { GrowthCase } from './cases.ts'
import { inPieces, listed, numbered, repeated } from './input.ts'

type Input = (bytes: number) => Buffer

const delta = (text: string) =>
  `data: {"model":"m","choices":[{"index":0,"delta":${text},"finish_reason":null}]}\n\n`
const usage = '"usage":{"prompt_tokens":1,"completion_tokens":2}'

const streams: readonly [string, Input][] = [
  ['tokens', (bytes) => repeated(delta('{"content":"a"}'), bytes, '', 'data: [DONE]\n\n')],
  ['usage in each event', (bytes) => repeated(`data: {"model":"m","choices":[],${usage}}\n\n`, bytes)],
  [
    'empty usage in each event',
    (bytes) => repeated('data: {"model":"m","choices":[{}],"usage":null}\n\n', bytes),
  ],
  [
    'one event without an end',
    (bytes) => repeated('word ', bytes, 'data: {"model":"m","choices":[{"delta":{"content":"'),
  ],
  ['lines that end no event', (bytes) => repeated('data: {"model":"m","usage":1}\n', bytes)],
  ['CR as line end', (bytes) => repeated(delta('{"content":"a"}').replaceAll('\n', '\r'), bytes)],
  ['comments', (bytes) => repeated(': ping\n\n', bytes)],
  ['nothing but line ends', (bytes) => repeated('\n', bytes)],
  ['nothing but carriage returns', (bytes) => repeated('\r', bytes)],
  ['role without content', (bytes) => repeated(delta('{"role":"assistant","content":""}'), bytes)],
  ['errors in texts', (bytes) => repeated(delta('{"content":"\\"error\\":{\\"message\\":1}"}'), bytes)],
]

const pieces = [16_384, 64]

/** One reader for all streams, in small and in large chunks. */
function streamReader(
  reader: string,
  make: () => { push(chunk: Buffer): unknown; end?(): unknown },
): GrowthCase[] {
  return streams.flatMap(([shape, input]) =>
    pieces.map((pieceBytes) => ({
      reader,
      shape: `${shape}, ${pieceBytes} bytes at a time`,
      run: (bytes: number) => {
        const made = make()
        inPieces(input(bytes), pieceBytes, (piece) => made.push(piece))
        made.end?.()
      },
    })),
  )
}

let nowMs = 0
const clock: Clock = { nowMs: () => nowMs++, monotonicMs: () => nowMs++, after: () => ({ cancel: () => {} }) }

function newMeter(): StreamMeter {
  const reader = new UsageReader(unknownUsage.plan('openai', chat.usage.standard))
  return new StreamMeter('sse', chat, { clock, startedMs: 0, usage: reader, gaps: { gap: () => {} } })
}

function newWatch(): StreamWatch {
  if (chat.stream === undefined) throw new Error('Chats are streams.')
  return new StreamWatch(chat.stream)
}

/** Like the gateway, it reads only until it has decided. */
function newJudge(): { push(chunk: Buffer): void } {
  const judge = new BeginningJudge(chat, 'sse')
  let isUndecided = true
  return {
    push: (chunk) => {
      if (isUndecided) isUndecided = judge.push(chunk) === 'undecided'
    },
  }
}

const expected: Expected = {
  model: 'm',
  keepsModel: false,
  stopSequences: ['END'],
  dropsThinking: false,
  promptTokens: 1,
  callIds: [],
  toolNames: [],
  originalNames: undefined,
  reasoningField: 'none',
  endpointMark: '',
  newCallId: () => `toolu_${nowMs++}`,
}

const chatAnswers = {
  readAnswer: (builder: ConstructorParameters<typeof ChatReader>[0]) => new ChatReader(builder),
}

function messageOf(from: 'sse' | 'whole', isWhole: boolean): AnswerTranslation {
  const writer = messageWriter({ messageId: 'msg_1', requestId: 'r' }, !isWhole)
  return translateAnswer(from, chatAnswers, writer, expected, isWhole)
}

const calls = (bytes: number) =>
  Buffer.from(
    Array.from({ length: Math.max(1, Math.floor(bytes / 130)) }, (_, index) =>
      delta(`{"tool_calls":[{"index":${index},"id":"c${index}","function":{"name":"f","arguments":"{}"}}]}`),
    ).join(''),
  )

const chats: readonly [string, Input][] = [
  ['tokens', (bytes) => repeated(delta('{"content":"a"}'), bytes, '', 'data: [DONE]\n\n')],
  ['thoughts', (bytes) => repeated(delta('{"reasoning_content":"a"}'), bytes)],
  ['tags of thoughts', (bytes) => repeated(delta('{"content":"<think>a</think>"}'), bytes)],
  ['halves of tags', (bytes) => repeated(delta('{"content":"<thin"}'), bytes)],
  ['ever new calls', calls],
  [
    'arguments of one call',
    (bytes) =>
      repeated(
        delta('{"tool_calls":[{"index":0,"function":{"arguments":"a"}}]}'),
        bytes,
        delta('{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{"}}]}'),
      ),
  ],
]

const translator: readonly GrowthCase[] = chats.flatMap(([shape, input]) =>
  (['stream', 'whole'] as const).map((to) => ({
    reader: 'translator of answers',
    shape: `${shape}, to a ${to === 'stream' ? 'stream' : 'whole message'}`,
    run: (bytes: number) => {
      const translation = messageOf('sse', to === 'whole')
      inPieces(input(bytes), 4_096, (piece) => translation.push(piece))
      translation.end()
    },
  })),
)

const wholes: readonly [string, Input][] = [
  [
    'one long text',
    (bytes) =>
      repeated(
        'word ',
        bytes,
        '{"model":"m","choices":[{"message":{"content":"',
        `"},"finish_reason":"stop"}],${usage}}`,
      ),
  ],
  [
    'many choices',
    (bytes) =>
      listed(
        '{"message":{"content":"a"},"finish_reason":"stop"}',
        bytes,
        '{"model":"m","choices":[',
        `],${usage}}`,
      ),
  ],
  [
    'usage quoted in a text',
    (bytes) => repeated('\\"usage\\":{', bytes, '{"model":"m","choices":[{"message":{"content":"', '"}}]}'),
  ],
  ['usage again and again', (bytes) => repeated('"usage":null,', bytes, '{"model":"m",', `${usage}}`)],
  [
    'words of errors',
    (bytes) => repeated('context length maximum tokens 4096 ', bytes, '{"error":{"message":"', '"}}'),
  ],
  [
    'digits',
    (bytes) => repeated('1234567890', bytes, '{"error":{"message":"maximum context length is ', '"}}'),
  ],
  ['spaces', (bytes) => repeated(' ', bytes, '{"error":', '{}}')],
]

const whole: readonly GrowthCase[] = wholes.flatMap(([shape, input]) => [
  {
    reader: 'usage of whole answers',
    shape,
    run: (bytes: number) =>
      new UsageReader(unknownUsage.plan('openai', chat.usage.standard)).read(input(bytes)),
  },
  { reader: 'whole answers', shape, run: (bytes: number) => void judgeWhole(input(bytes), true) },
  { reader: 'errors', shape, run: (bytes: number) => void readContextLimit(input(bytes).toString('utf8')) },
  {
    reader: 'translator of whole answers',
    shape,
    run: (bytes: number) => {
      const translation = messageOf('whole', true)
      translation.push(input(bytes))
      translation.end()
    },
  },
])

const block = '{"type":"text","text":"a"}'
const messages: GrowthCase = {
  reader: 'whole messages',
  shape: 'many blocks',
  run: (bytes) => {
    const events = new WholeMessageEvents('r', 'm')
    events.push(listed(block, bytes, '{"type":"message","model":"m","content":[', ']}'))
    events.end()
  },
}

const lists: readonly GrowthCase[] = (
  [
    ['models', 'openai', (bytes) => numbered('{"id":"m#"}', bytes, '{"data":[', ']}')],
    ['bare names', 'openai', (bytes) => numbered('"m#"', bytes, '[', ']')],
    ['an object by name', 'openai', (bytes) => numbered('"m#":{}', bytes, '{"data":{', '}}')],
    ['one name again and again', 'ollama', (bytes) => listed('{"name":"m"}', bytes, '{"models":[', ']}')],
    ['a long name', 'openai', (bytes) => repeated('m', bytes, '{"data":[{"id":"', '"}]}')],
    ['many members', 'lmstudio', (bytes) => numbered('"k#":1', bytes, '{"data":[{"id":"m",', '}]}')],
    ['many levels', 'openai', (bytes) => repeated('[', bytes, '{"data":')],
  ] as const satisfies readonly [string, 'openai' | 'ollama' | 'lmstudio', Input][]
).map(([shape, format, input]) => ({
  reader: 'model lists',
  shape,
  run: (bytes) => {
    try {
      parseModelList(format, input(bytes))
    } catch {
      // Refused.
    }
  },
}))

const http: readonly GrowthCase[] = (
  [
    [
      'chunks of one byte',
      (bytes) => repeated('1\r\na\r\n', bytes, 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n'),
    ],
    [
      'extensions',
      (bytes) => repeated('1;a=b\r\na\r\n', bytes, 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n'),
    ],
    ['a head without an end', (bytes) => repeated('a: b\r\n', bytes, 'HTTP/1.1 200 OK\r\n')],
    ['interim answers', (bytes) => repeated('HTTP/1.1 103 Hints\r\n\r\n', bytes)],
  ] as const satisfies readonly [string, Input][]
).flatMap(([shape, input]) =>
  pieces.map((pieceBytes) => ({
    reader: 'HTTP answers',
    shape: `${shape}, ${pieceBytes} bytes at a time`,
    run: (bytes: number) => {
      const reader = new ResponseReader({ head: () => {}, data: () => {}, end: () => {} })
      reader.begin('POST')
      try {
        inPieces(input(bytes), pieceBytes, (piece) => reader.push(piece, piece.length))
      } catch {
        // Refused at a limit.
      }
    },
  })),
)

export const answerReaders: readonly GrowthCase[] = [
  ...lists,
  ...streamReader('usage of streams', newMeter),
  ...streamReader('usage taken out', () => new UsageStrip()),
  ...streamReader('names given back', () => new ModelRename('client', 'sse', undefined)),
  ...streamReader('endings', newWatch),
  ...streamReader('line ends', () => new LineEnds()),
  ...streamReader('beginnings', newJudge),
  ...translator,
  ...whole,
  messages,
  ...http,
]
