import { GatewayError } from '../../../kernel/errors.ts'
import {
  isObject,
  type JsonObject,
  listField,
  objectField,
  textField,
} from '../../../kernel/json/json-fields.ts'
import type { AnswerSink } from '../../contract/answer-sink.ts'
import { sealThinking } from './request/thinking-envelope.ts'
import { itemsOf, listedItem } from './store/stored.ts'

/** What a model is asked for in place of the compaction that OpenAI's servers do. */
const instruction = [
  'Summarize the conversation so far so that it can be continued from your summary alone, without the messages above.',
  'Keep what later turns need: the goals and constraints of the user, decisions and their reasons, facts that were',
  'found, names, paths, identifiers and values exactly as they are, what has been done and its results, and what is left',
  'to do. Answer with the summary only.',
].join(' ')

/** Largest answer that is read. */
const maxAnswerBytes = 16_777_216

/** The request for a summary of what a compaction is for. @param whole with all that it continues */
export function summaryRequest(whole: JsonObject): JsonObject {
  const { input, model, instructions, previous_response_id, service_tier, prompt_cache_key, user } = whole
  const last = { type: 'message', role: 'user', content: instruction }
  // One that the gateway does not have may be an endpoint's.
  const request = { model, instructions, previous_response_id, service_tier, prompt_cache_key, user }
  // A conversation is compacted because it is long; a summary of its later part is better than none.
  return { ...request, input: [...itemsOf(input), last], truncation: 'auto', store: false, stream: false }
}

export interface CompactionParts {
  readonly newId: (prefix: string) => string
  readonly nowMs: () => number
}

/**
 * A compacted conversation: the messages of the user and one item with the summary, which the client sends back.
 * @param response the answer to `summaryRequest`
 * @returns undefined if it has no summary
 */
export function compacted(
  whole: JsonObject,
  response: JsonObject,
  { newId, nowMs }: CompactionParts,
): JsonObject | undefined {
  const text = outputText(response)
  if (text === '') return undefined
  const isUsers = (item: unknown): item is JsonObject =>
    isObject(item) && item.role === 'user' && (item.type ?? 'message') === 'message'
  const messages = itemsOf(whole.input)
    .filter(isUsers)
    .map((item) => listedItem(item, () => newId('msg')))
  return {
    id: newId('resp'),
    object: 'response.compaction',
    created_at: Math.floor(nowMs() / 1_000),
    output: [
      ...messages,
      { id: newId('cmp'), type: 'compaction', encrypted_content: sealThinking({ text, signature: '' }) },
    ],
    usage: objectField(response, 'usage') ?? null,
  }
}

function outputText(response: JsonObject): string {
  const parts = listField(response, 'output').flatMap((item) =>
    isObject(item) && item.type === 'message' ? listField(item, 'content') : [],
  )
  return parts.map((part) => (isObject(part) ? (textField(part, 'text') ?? '') : '')).join('')
}

/** An answer without a stream. */
export interface Collected {
  readonly statusCode: number
  readonly text: string
}

/** Collects one answer. */
export class CollectedAnswer implements AnswerSink {
  readonly #settle: (outcome: Collected | GatewayError) => void
  #statusCode = 502
  readonly #chunks: Buffer[] = []
  #bytes = 0

  /** @param settle receives the answer, or why there is none; only its first call counts */
  constructor(settle: (outcome: Collected | GatewayError) => void) {
    this.#settle = settle
  }

  begin(statusCode: number): void {
    this.#statusCode = statusCode
  }

  write(chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.#bytes <= maxAnswerBytes) this.#chunks.push(chunk)
  }

  end(isWhole: boolean): void {
    const isUsable = isWhole && this.#bytes <= maxAnswerBytes
    const text = Buffer.concat(this.#chunks).toString('utf8')
    this.#settle(isUsable ? { statusCode: this.#statusCode, text } : new GatewayError('upstream_broken'))
  }

  refuse(error: GatewayError): void {
    this.#settle(error)
  }
}
