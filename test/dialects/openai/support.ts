import assert from 'node:assert/strict'
import OpenAI from 'openai'
import type { AnswerBuilder, Expected } from '../../../src/dialects/hub/answer/answer-builder.ts'
import type { AnswerReader } from '../../../src/dialects/hub/answer/answer-reader.ts'
import { translateAnswer } from '../../../src/dialects/hub/answer/answer-translation.ts'
import type { AnswerWriter, StopReason, Usage } from '../../../src/dialects/hub/contract/answer.ts'
import type { Conversation } from '../../../src/dialects/hub/contract/conversation.ts'
import type { FormatCall } from '../../../src/dialects/hub/format.ts'
import { ChatReader } from '../../../src/dialects/openai/chat/answer/read-answer.ts'
import { chatWriter } from '../../../src/dialects/openai/chat/answer/write-answer.ts'
import { readChatRequest } from '../../../src/dialects/openai/chat/request/read-request.ts'
import { readCompletionsRequest } from '../../../src/dialects/openai/completions/read-request.ts'
import { completionsWriter } from '../../../src/dialects/openai/completions/write-answer.ts'
import { GatewayError } from '../../../src/kernel/errors.ts'

export const hello = [{ role: 'user', content: 'Hello' }]

/** Reads a chat request with the given fields. */
export const readChat = (fields: object): Conversation =>
  readChatRequest({ model: 'm', messages: hello, ...fields })

/** Reads the messages of a chat. */
export const turnsOf = (...messages: object[]) => readChat({ messages }).turns

/** Asserts that a reader refuses a request, and names the field. */
export function refuses(read: () => unknown, field: string): void {
  assert.throws(read, (error) => {
    assert.ok(error instanceof GatewayError)
    assert.equal(error.code, 'invalid_request')
    assert.equal(error.message.slice(0, field.length + 1), `${field}:`, error.message)
    return true
  })
}

export function formatCall(conversation: Conversation, request: object = {}): FormatCall {
  let ids = 0
  return {
    conversation,
    request: { ...request },
    requestId: 'req-1',
    isStream: conversation.isStream,
    newId: (prefix) => `${prefix}_new${++ids}`,
    nowMs: () => 1_700_000_000_900,
    monotonicMs: () => 0,
  }
}

/** A writer of chat completions for a request with the given fields. */
export function chatWriterFor(fields: object = {}): AnswerWriter {
  return chatWriter(formatCall(readChat(fields), fields))
}

export function completionsWriterFor(fields: object = {}): AnswerWriter {
  return completionsWriter(
    formatCall(readCompletionsRequest({ model: 'm', prompt: 'Once', ...fields }), fields),
  )
}

export const noUsage: Usage = { promptTokens: 3, cachedTokens: 0, cacheWriteTokens: 0, completionTokens: 2 }

export const answerHead = { id: undefined, model: 'asked', usage: noUsage }
export const streaming = { stream: true }
export const withUsage = { stream: true, stream_options: { include_usage: true } }

/** The whole output of a writer. */
export function answer(
  writer: AnswerWriter,
  write: (writer: AnswerWriter) => void,
  reason: StopReason = 'end',
  usage = noUsage,
) {
  writer.start(answerHead)
  write(writer)
  writer.finish({ reason, stopSequence: null, usage })
  return writer.take()
}

export const text = (index: number, content: string) => (writer: AnswerWriter) => {
  writer.open(index, { kind: 'text' })
  writer.append(index, 'text', content)
  writer.close(index, 'text')
}
export const call =
  (index: number, id: string, name: string, ...args: string[]) =>
  (writer: AnswerWriter) => {
    writer.open(index, { kind: 'call', id, name })
    for (const each of args) writer.append(index, 'call', each)
    writer.close(index, 'call')
  }

export function expectedAnswer(given: Partial<Expected> = {}): Expected {
  let calls = 0
  return {
    model: 'asked',
    keepsModel: false,
    stopSequences: [],
    dropsThinking: false,
    hasRefusals: true,
    promptTokens: 7,
    newCallId: () => `call_new_${++calls}`,
    callIds: [],
    toolNames: [],
    reasoningField: 'none',
    endpointMark: '',
    ...given,
  }
}

/** What a client gets for the answer of an endpoint. */
export function translate(
  from: 'sse' | 'whole',
  writer: AnswerWriter,
  isWhole: boolean,
  chunks: readonly Buffer[],
  readAnswer: (builder: AnswerBuilder) => AnswerReader = (builder) => new ChatReader(builder),
): { text: string; outcome: string | undefined } {
  const translation = translateAnswer(from, { readAnswer }, writer, expectedAnswer(), isWhole)
  const parts = chunks.map((each) => translation.push(each))
  return { text: Buffer.concat([...parts, translation.end()]).toString(), outcome: translation.outcome }
}

/** A chunk of an endpoint's chat. */
export const chunk = (delta: object, finishReason: string | null = null, beside: object = {}): object => ({
  id: 'e-1',
  model: 'native',
  choices: [{ index: 0, delta, finish_reason: finishReason, ...beside }],
})

export const sse = (values: readonly object[], end = 'data: [DONE]\n\n'): Buffer =>
  Buffer.from(values.map((value) => `data: ${JSON.stringify(value)}\n\n`).join('') + end)

/** OpenAI's SDK for a server that answers every request with one text. */
export function sdk(text: string, status = 200): OpenAI {
  const type = text.startsWith('data:') ? 'text/event-stream' : 'application/json'
  const fetch = () => Promise.resolve(new Response(text, { status, headers: { 'content-type': type } }))
  return new OpenAI({ apiKey: 'any', baseURL: 'http://127.0.0.1:1/v1', maxRetries: 0, fetch })
}

/** The JSON values of a stream, which must be framed as OpenAI does, and whether `[DONE]` ends it. */
export function readStream(text: string): { values: Record<string, unknown>[]; isDone: boolean } {
  if (text === '') return { values: [], isDone: false }
  assert.ok(text.endsWith('\n\n'))
  const data = text
    .slice(0, -2)
    .split('\n\n')
    .map((event) => {
      assert.ok(event.startsWith('data: ') && !event.includes('\n'), event)
      return event.slice('data: '.length)
    })
  const isDone = data.at(-1) === '[DONE]'
  if (isDone) data.pop()
  return { values: data.map((each) => JSON.parse(each)), isDone }
}
