import { AnswerBuilder, type Expected } from '../../../src/dialects/hub/answer/answer-builder.ts'
import type { AnswerReader } from '../../../src/dialects/hub/answer/answer-reader.ts'
import {
  type AnswerTranslation,
  translateAnswer,
} from '../../../src/dialects/hub/answer/answer-translation.ts'
import type {
  AnswerEnding,
  AnswerFailure,
  AnswerHead,
  AnswerWriter,
  BlockHead,
  BlockKind,
  TokenLogprob,
} from '../../../src/dialects/hub/contract/answer.ts'
import type { Conversation, Settings } from '../../../src/dialects/hub/contract/conversation.ts'
import type { FormatCall, FormatTarget } from '../../../src/dialects/hub/format.ts'
import { ollamaChatWriter } from '../../../src/dialects/ollama/chat/write-answer.ts'
import { ollamaGenerateWriter } from '../../../src/dialects/ollama/generate/write-answer.ts'
import { ChatReader } from '../../../src/dialects/openai/chat/answer/read-answer.ts'
import type { ChatTraits } from '../../../src/endpoints/profiles/chat-shape.ts'
import { GatewayError } from '../../../src/kernel/errors.ts'

export const createdAt = '2026-03-01T12:00:00.000Z'

export const conversation = (settings: Settings = {}, more: Partial<Conversation> = {}): Conversation => ({
  turns: [],
  tools: [],
  toolChoice: undefined,
  settings,
  isStream: true,
  uses: new Set(),
  ...more,
})

/** A call whose clocks the test advances. */
export interface TimedCall extends FormatCall {
  clockMs: number
}

export function formatCall(given: Partial<FormatCall> = {}): TimedCall {
  const call: TimedCall = {
    conversation: conversation(),
    request: { model: 'asked' },
    requestId: 'req',
    isStream: true,
    newId: (prefix) => `${prefix}_1`,
    nowMs: () => Date.parse(createdAt),
    monotonicMs: () => call.clockMs,
    clockMs: 1000,
    ...given,
  }
  return call
}

export function expectedAnswer(given: Partial<Expected> = {}): Expected {
  let calls = 0
  return {
    model: 'asked',
    keepsModel: false,
    stopSequences: [],
    dropsThinking: false,
    promptTokens: 7,
    newCallId: () => `new_${++calls}`,
    callIds: [],
    toolNames: [],
    reasoningField: 'none',
    endpointMark: '',
    ...given,
  }
}

export const target = (traits: Partial<ChatTraits> = {}): FormatTarget => ({
  model: 'native',
  traits: {
    reasoningField: 'none',
    thinkingSwitch: 'none',
    readsFiles: false,
    continuesMessages: false,
    ...traits,
  },
})

const writers = { chat: ollamaChatWriter, generate: ollamaGenerateWriter }

/** Translates an OpenAI chat completion to an answer of Ollama's API. */
export function toOllama(
  from: 'sse' | 'whole',
  call: FormatCall,
  operation: 'chat' | 'generate' = 'chat',
  expected: Partial<Expected> = {},
): AnswerTranslation {
  return translateAnswer(
    from,
    { readAnswer: (builder) => new ChatReader(builder) },
    writers[operation](call),
    expectedAnswer(expected),
    !call.isStream,
  )
}

export type Line = Readonly<Record<string, unknown>>

/** The lines of a stream. Fails if the last is incomplete. */
export function readLines(text: string): Line[] {
  if (text === '') return []
  if (!text.endsWith('\n')) throw new Error('the stream ends inside a line')
  return text
    .slice(0, -1)
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
}

export type SinkCall = readonly [name: string, ...values: unknown[]]

/** Records the neutral answer, with the parts of a block joined. */
export class RecordingSink implements AnswerWriter {
  readonly calls: SinkCall[] = []
  #text = ''
  #logprobs: TokenLogprob[] = []

  take(): string {
    return ''
  }

  start(head: AnswerHead): void {
    this.calls.push(['start', head.model])
  }

  open(_index: number, { ...head }: BlockHead): void {
    this.#text = ''
    this.#logprobs = []
    if (head.kind === 'call') this.calls.push(['open', head.id, head.name])
  }

  append(_index: number, _kind: BlockKind, text: string, logprobs: readonly TokenLogprob[] = []): void {
    this.#text += text
    this.#logprobs.push(...logprobs)
  }

  close(_index: number, kind: BlockKind): void {
    this.calls.push([kind, this.#text, ...(this.#logprobs.length === 0 ? [] : [this.#logprobs])])
  }

  sign(): void {}

  finish(ending: AnswerEnding): void {
    this.calls.push(['finish', ending])
  }

  fail(failure: AnswerFailure): void {
    this.calls.push(['fail', failure.message, failure.statusCode])
  }
}

/** Reads an endpoint's answer into the neutral sequence. */
export function neutralAnswer(
  from: 'ndjson' | 'whole',
  chunks: readonly Buffer[],
  createReader: (builder: AnswerBuilder) => AnswerReader,
  expected: Partial<Expected> = {},
): readonly SinkCall[] {
  const sink = new RecordingSink()
  const translation = translateAnswer(
    from,
    { readAnswer: createReader },
    sink,
    expectedAnswer(expected),
    false,
  )
  for (const chunk of chunks) translation.push(chunk)
  translation.end()
  return sink.calls
}

/** The message of the error that a function throws. */
export function refusal(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'invalid_request') return error.message
    throw error
  }
  throw new Error('nothing was refused')
}

export { AnswerBuilder }
