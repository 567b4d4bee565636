import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { MessagesReader } from '../../../src/dialects/anthropic/messages/answer/read-answer.ts'
import { messageWriter } from '../../../src/dialects/anthropic/messages/answer/write-answer.ts'
import { translateAnswer } from '../../../src/dialects/hub/answer/answer-translation.ts'
import type { AnswerEnding, AnswerWriter } from '../../../src/dialects/hub/contract/answer.ts'
import type { FormatCall } from '../../../src/dialects/hub/format.ts'
import { OllamaChatReader } from '../../../src/dialects/ollama/chat/read-answer.ts'
import { ollamaChatWriter } from '../../../src/dialects/ollama/chat/write-answer.ts'
import { ChatReader } from '../../../src/dialects/openai/chat/answer/read-answer.ts'
import { chatWriter } from '../../../src/dialects/openai/chat/answer/write-answer.ts'
import { ResponsesReader } from '../../../src/dialects/openai/responses/answer/read-answer.ts'
import { responsesWriter } from '../../../src/dialects/openai/responses/answer/write-answer.ts'
import { conversation } from './conversations.ts'
import { type RandomBlock, writeAnswer } from './random-answers.ts'
import { expected, type ReadAnswer, Recording } from './recording.ts'

interface Side {
  readonly name: string
  readonly framing: 'sse' | 'ndjson'
  readonly readAnswer: ReadAnswer
  readonly write: (isStream: boolean) => AnswerWriter
}

function callOf(isStream: boolean): FormatCall {
  let ids = 0
  return {
    conversation: conversation(
      [],
      { streamUsage: true, thinking: { isOn: true, isShown: true } },
      { isStream },
    ),
    request: { model: 'm', stream: isStream, stream_options: { include_usage: true } },
    requestId: 'req',
    isStream,
    newId: (prefix) => `${prefix}_${++ids}`,
    nowMs: () => 1_700_000_000_000,
    monotonicMs: () => 0,
  }
}

const sides: readonly Side[] = [
  {
    name: 'chat',
    framing: 'sse',
    readAnswer: (builder) => new ChatReader(builder),
    write: (isStream) => chatWriter(callOf(isStream)),
  },
  {
    name: 'messages',
    framing: 'sse',
    readAnswer: (builder) => new MessagesReader(builder),
    write: (isStream) => messageWriter({ messageId: 'msg_1', requestId: 'req' }, isStream),
  },
  {
    name: 'responses',
    framing: 'sse',
    readAnswer: (builder) => new ResponsesReader(builder),
    write: (isStream) => responsesWriter(callOf(isStream)),
  },
  {
    name: 'ollama-chat',
    framing: 'ndjson',
    readAnswer: (builder) => new OllamaChatReader(builder),
    write: (isStream) => ollamaChatWriter(callOf(isStream)),
  },
]

/** Thinking, text, and calls with distinct names: what every API can express. */
const word = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }).map((text) => `a${text}b`)
const words = fc.array(word, { minLength: 1, maxLength: 3 })
const answers: fc.Arbitrary<RandomBlock[]> = fc
  .record({
    thinking: fc.option(words),
    text: fc.option(words),
    calls: fc.array(fc.dictionary(word, fc.oneof(word, fc.integer(), fc.boolean())), { maxLength: 3 }),
  })
  .map(({ thinking, text, calls }) => [
    ...(thinking === null ? [] : [{ kind: 'thinking' as const, parts: thinking }]),
    ...(text === null ? [] : [{ kind: 'text' as const, parts: text }]),
    ...calls.map((input) => ({ kind: 'call' as const, parts: [JSON.stringify({ ...input, x: 1 })] })),
  ])

const usage = { promptTokens: 30, cachedTokens: 0, cacheWriteTokens: 0, completionTokens: 9 }

/** What every API can express of an answer. */
function said({ blocks, ending, failure }: Recording) {
  return {
    content: blocks.map(({ head, text }) =>
      head.kind === 'call' ? [head.name, JSON.parse(text)] : [head.kind, text],
    ),
    reason: ending?.reason,
    prompt: ending?.usage.promptTokens,
    completion: ending?.usage.completionTokens,
    failure,
  }
}

/** Writes the answer as its endpoint sends it. */
function sent(side: Side, isStream: boolean, list: readonly RandomBlock[], ending: AnswerEnding): Buffer {
  return Buffer.from(writeAnswer(side.write(isStream), list, ending))
}

function translated(from: Side, to: Side, bytes: Buffer, isStream: boolean, isWhole: boolean): Buffer {
  const framing = isStream ? from.framing : 'whole'
  const translation = translateAnswer(framing, from, to.write(!isWhole), expected(), isWhole)
  return Buffer.concat([translation.push(bytes), translation.end()])
}

describe('an answer of each API, translated to each', () => {
  for (const from of sides) {
    for (const to of sides) {
      it(`means the same from ${from.name} to ${to.name}`, () => {
        fc.assert(
          fc.property(answers, fc.boolean(), fc.boolean(), fc.boolean(), (list, isCut, isStream, isWhole) => {
            if (list.length === 0) return
            const hasCalls = list.some(({ kind }) => kind === 'call')
            const reason = isCut && !hasCalls ? 'length' : hasCalls ? 'calls' : 'end'
            const ending: AnswerEnding = { reason, stopSequence: null, usage }
            const original = new Recording()
            writeAnswer(original, list, ending)
            const bytes = translated(from, to, sent(from, isStream, list, ending), isStream, isWhole)
            const answer = new Recording()
            const read = translateAnswer(isWhole ? 'whole' : to.framing, to, answer, expected(), false)
            read.push(bytes)
            read.end()
            assert.deepEqual(said(answer), said(original), bytes.toString())
          }),
          { numRuns: 60 },
        )
      })
    }
  }
})
