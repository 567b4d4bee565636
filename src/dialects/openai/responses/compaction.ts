import { GatewayError } from '../../../kernel/errors.ts'
import {
  isObject,
  type JsonObject,
  listField,
  objectField,
  textField,
} from '../../../kernel/json/json-fields.ts'
import type { AnswerSink } from '../../contract/answer-sink.ts'
import { EventLog } from './answer/event-log.ts'
import { writeAdded, writeDone } from './answer/output-item.ts'
import { ResponseShape, type ShapedCall, startedState } from './answer/response-shape.ts'
import { sealThinking } from './request/thinking-envelope.ts'
import { isUsersMessage, itemsOf, listedItem } from './store/stored.ts'

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
  const messages = itemsOf(whole.input)
    .filter(isUsersMessage)
    .map((item) => listedItem(item, () => newId('msg')))
  return {
    id: newId('resp'),
    object: 'response.compaction',
    created_at: Math.floor(nowMs() / 1_000),
    output: [...messages, compactionItem(text, { newId }).item],
    usage: objectField(response, 'usage') ?? null,
  }
}

const triggerType = 'compaction_trigger'

/** Whether a request asks for its conversation to be compacted, in place of an answer. */
export function isCompactionTrigger(request: unknown): request is JsonObject {
  const last = isObject(request) ? listField(request, 'input').at(-1) : undefined
  return isObject(last) && last.type === triggerType
}

export function withoutTrigger(request: JsonObject): JsonObject {
  if (!isCompactionTrigger(request)) return request
  const input = itemsOf(request.input).filter((item) => !isObject(item) || item.type !== triggerType)
  return { ...request, input }
}

/**
 * A response whose only item is the compacted conversation, for a client that asked for it with `compaction_trigger`.
 * @param response the answer to `summaryRequest`
 * @param isStream whether the client receives events
 * @returns undefined if it has no summary
 */
export function writeCompaction(
  response: JsonObject,
  call: ShapedCall,
  isStream: boolean,
): string | undefined {
  const text = outputText(response)
  if (text === '') return undefined
  const shape = new ResponseShape(call)
  shape.start(textField(response, 'model') ?? '')
  const started = `"response":${shape.json(startedState)}`
  const { item, id } = compactionItem(text, call)
  const usage = JSON.stringify(objectField(response, 'usage') ?? null)
  const output = JSON.stringify(item)
  const ended = shape.json({ ...startedState, status: 'completed', output, usage })
  call.store?.({ id: shape.id, text: ended, itemIds: [id] })
  if (!isStream) return ended
  const log = new EventLog()
  log.write('response.created', started)
  log.write('response.in_progress', started)
  writeAdded(log, 0, output)
  writeDone(log, 0, output)
  log.write('response.completed', `"response":${ended}`)
  return log.take()
}

function compactionItem(text: string, { newId }: Pick<CompactionParts, 'newId'>) {
  const id = newId('cmp')
  return { id, item: { id, type: 'compaction', encrypted_content: sealThinking({ text, signature: '' }) } }
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
