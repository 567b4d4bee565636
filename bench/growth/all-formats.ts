// Every format that generates text: a conversation is written as a client's request, read, and written for endpoints;
// an answer is written, read and written again. The counts include all of it.

import { formats } from '../../src/dialects/all.ts'
import { translateAnswer } from '../../src/dialects/hub/answer/answer-translation.ts'
import type { AnswerEnding, AnswerWriter, BlockKind } from '../../src/dialects/hub/contract/answer.ts'
import type { AssistantPart, Conversation, Tool, Turn } from '../../src/dialects/hub/contract/conversation.ts'
import type { Format, FormatCall } from '../../src/dialects/hub/format.ts'
import { parseShort, shortOrFull, writeBody } from '../../src/dialects/hub/parts/request-body.ts'
import { responsesFormat } from '../../src/dialects/openai/responses/format.ts'
import { InputTruncation } from '../../src/dialects/openai/responses/truncation/input-truncation.ts'
import { plainChat } from '../../src/endpoints/profiles/chat-shape.ts'
import type { GrowthCase } from './cases.ts'
import { inPieces } from './input.ts'

const user = (text: string): Turn => ({ role: 'user', parts: [{ kind: 'text', text }] })
const assistant = (...parts: AssistantPart[]): Turn => ({ role: 'assistant', parts })
const call = (at: number): AssistantPart => ({
  kind: 'call',
  id: `call_${at}`,
  name: `tool${at % 500}`,
  args: '{"a":1}',
})
const results = (...ids: number[]): Turn => ({
  role: 'results',
  results: ids.map((at) => ({
    callId: `call_${at}`,
    parts: [{ kind: 'text', text: 'done' }],
    isError: false,
  })),
})
const tool = (at: number): Tool => ({
  kind: 'function',
  name: `tool${at}`,
  description: 'Reads a file.',
  schema: { type: 'object', properties: { a: { type: 'string', description: 'Its path.' } } },
  isStrict: false,
})
const times = (bytes: number, each: number) =>
  Array.from({ length: Math.max(1, Math.floor(bytes / each)) }, (_, at) => at)
const line = 'one line of a prompt, which says "hm",\n'

type Shape = (bytes: number) => { readonly turns: readonly Turn[]; readonly tools?: readonly Tool[] }

const conversations: readonly (readonly [string, Shape])[] = [
  ['one long text', (bytes) => ({ turns: [user(line.repeat(bytes / line.length))] })],
  [
    'long texts',
    (bytes) => ({
      turns: times(bytes, 1_000)
        .flatMap(() => [user(line.repeat(25)), assistant({ kind: 'text', text: 'b' })])
        .concat(user('a')),
    }),
  ],
  [
    'turns',
    (bytes) => ({
      turns: times(bytes, 100)
        .flatMap((at) => [
          user(`word ${at}`),
          assistant({ kind: 'thinking', text: 'hm' }, { kind: 'text', text: 'b' }),
        ])
        .concat(user('a')),
    }),
  ],
  [
    'calls and results',
    (bytes) => ({
      turns: [user('a'), ...times(bytes, 150).flatMap((at) => [assistant(call(at)), results(at)])],
      tools: [tool(0)],
    }),
  ],
  [
    'calls of one turn',
    (bytes) => ({
      turns: [user('a'), assistant(...times(bytes, 150).map(call)), results(...times(bytes, 150).reverse())],
      tools: [tool(0)],
    }),
  ],
  [
    'texts of one turn',
    (bytes) => ({
      turns: [{ role: 'user', parts: times(bytes, 50).map((at) => ({ kind: 'text', text: `word ${at}` })) }],
    }),
  ],
  [
    'system messages',
    (bytes) => ({
      turns: [
        user('a'),
        ...times(bytes, 60).flatMap((at): Turn[] => [
          { role: 'system', text: `note ${at}`, isDeveloper: at % 2 === 0 },
          user('b'),
        ]),
      ],
    }),
  ],
  ['tools', (bytes) => ({ turns: [user('a')], tools: times(bytes, 150).map(tool) })],
]

const target = { model: 'm', traits: plainChat }

function translate(from: Format, conversation: Conversation): void {
  const body = Buffer.from(JSON.stringify(from.writeRequest(conversation, target).body))
  for (const to of formats) {
    try {
      shortOrFull(body, parseShort(body, from.longTexts), ({ request, texts }) =>
        writeBody(to.writeRequest(from.readRequest(request), target).body, texts),
      )
    } catch {
      // Refused: the endpoint's API cannot express it.
    }
  }
}

const requests: readonly GrowthCase[] = formats.flatMap((from) =>
  conversations.map(([shape, make]) => ({
    reader: `requests of ${from.name}`,
    shape,
    run: (bytes: number) => {
      const { turns, tools = [] } = make(bytes)
      translate(from, { turns, tools, toolChoice: undefined, settings: {}, isStream: false, uses: new Set() })
    },
  })),
)

const usage = { promptTokens: 1, cachedTokens: 0, cacheWriteTokens: 0, completionTokens: 1 }
const ending: AnswerEnding = { reason: 'end', stopSequence: null, usage }

function writerOf(format: Format, isStream: boolean): AnswerWriter {
  const call: FormatCall = {
    conversation: {
      turns: [],
      tools: [],
      toolChoice: undefined,
      settings: { streamUsage: true },
      isStream,
      uses: new Set(),
    },
    request: { model: 'm', stream: isStream, stream_options: { include_usage: true } },
    requestId: 'r',
    isStream,
    newId: (prefix) => `${prefix}_1`,
    nowMs: () => 1_700_000_000_000,
    monotonicMs: () => 0,
  }
  return format.writeAnswer(call)
}

type Block = readonly [BlockKind, readonly string[]]

const answers: readonly (readonly [string, (bytes: number) => readonly Block[]])[] = [
  ['deltas of text', (bytes) => [['text', times(bytes, 150).map(() => 'word ')]]],
  ['deltas of thinking', (bytes) => [['thinking', times(bytes, 150).map(() => 'word ')]]],
  ['deltas of arguments', (bytes) => [['call', ['{"a":"', ...times(bytes, 150).map(() => 'word '), '"}']]]],
  ['one long text', (bytes) => [['text', [line.repeat(bytes / line.length)]]]],
  [
    'calls',
    (bytes) =>
      times(Math.min(bytes, 120 * 400), 400).map(
        (): Block => ['call', [`{"a":"${'b'.repeat(bytes / 120)}"}`]],
      ),
  ],
]

function written(format: Format, blocks: readonly Block[], isStream: boolean): Buffer {
  const writer = writerOf(format, isStream)
  const out: string[] = []
  writer.start({ id: 'id', model: 'm', usage })
  blocks.forEach(([kind, parts], index) => {
    writer.open(index, kind === 'call' ? { kind, id: `call_${index}`, name: 'f' } : { kind })
    for (const part of parts) {
      writer.append(index, kind, part)
      out.push(writer.take())
    }
    writer.close(index, kind)
  })
  writer.finish(ending)
  out.push(writer.take())
  return Buffer.from(out.join(''))
}

function read(bytes: Buffer, from: Format, to: Format, isStream: boolean): void {
  const expected = {
    model: 'm',
    keepsModel: false,
    stopSequences: [],
    dropsThinking: false,
    promptTokens: 1,
    newCallId: () => 'call_1',
    callIds: [],
    toolNames: ['f'],
    reasoningField: 'none',
    endpointMark: '',
  } as const
  const source = isStream ? from.framing : 'whole'
  const translation = translateAnswer(source, from, writerOf(to, isStream), expected, !isStream)
  inPieces(bytes, 4_096, (piece) => translation.push(piece))
  translation.end()
}

const answerCases: readonly GrowthCase[] = formats.flatMap((from) =>
  [true, false].flatMap((isStream) =>
    answers.map(([shape, make]) => ({
      reader: `answers of ${from.name}, ${isStream ? 'streamed' : 'whole'}`,
      shape,
      run: (bytes: number) => {
        const answer = written(from, make(bytes), isStream)
        for (const to of formats) read(answer, from, to, isStream)
      },
    })),
  ),
)

const truncations: readonly GrowthCase[] = conversations.map(([shape, make]) => ({
  reader: 'truncation of responses',
  shape,
  run: (bytes) => {
    const { turns, tools = [] } = make(bytes)
    const rest = { toolChoice: undefined, settings: {}, isStream: false, uses: new Set<never>() }
    const { body } = responsesFormat.writeRequest({ turns, tools, ...rest }, target)
    const truncation = new InputTruncation({ ...body, truncation: 'auto' })
    truncation.toFit(truncation.promptTokens / 2)
    truncation.afterRefusal({ kind: 'prompt' }, truncation.promptTokens)
  },
}))

export const allFormats: readonly GrowthCase[] = [...requests, ...truncations, ...answerCases]
