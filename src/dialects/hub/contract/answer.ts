import type { JsonObject } from '../../../kernel/json/json-fields.ts'
import type { ContextLimit } from '../../errors/context-limit.ts'

/**
 * An answer in terms of no API, as a sequence of calls: head, blocks one after the other, ending or failure. Only one
 * block is open at a time. Readers produce the sequence, whether the endpoint streams or not, and writers express it in
 * the API of the client.
 */
export interface AnswerSink {
  start(head: AnswerHead): void
  /** @param index counts up from 0 */
  open(index: number, block: BlockHead): void
  /**
   * @param text of a call: part of the JSON text of its arguments
   * @param logprobs of the text, if the request asks for them
   */
  append(index: number, kind: BlockKind, text: string, logprobs?: readonly TokenLogprob[]): void
  close(index: number, kind: BlockKind): void
  /** Signature of the thinking blocks that close from now on; see `reasoning-signature.ts`. */
  sign(signature: string): void
  finish(ending: AnswerEnding): void
  fail(failure: AnswerFailure): void
}

/** Expresses an answer as the text that the client receives. */
export interface AnswerWriter extends AnswerSink {
  /** Returns what was written since the last call. A writer of whole answers returns '' before the end. */
  take(): string
  /**
   * Whether clients of the API act on a failure only if it arrives in a stream with status 200. Writers of streams
   * without this method send every failure with its own status, unless the stream has begun.
   */
  streamsFailure?(failure: AnswerFailure): boolean
}

/** A block as its beginning shows it. */
export type BlockHead =
  | { readonly kind: 'text' | 'thinking' | 'refusal' }
  /** `id` is unique in the conversation, `name` as the client knows it. */
  | { readonly kind: 'call'; readonly id: string; readonly name: string }

export type BlockKind = BlockHead['kind']

export interface AnswerHead {
  /** As the endpoint reports it; undefined if it reports none. */
  readonly id: string | undefined
  /** As the client expects it. */
  readonly model: string
  /** Known so far; an estimate before the endpoint has counted. */
  readonly usage: Usage
}

export interface Usage {
  /** Including those from a cache. */
  readonly promptTokens: number
  readonly cachedTokens: number
  /** Written to a cache; part of `promptTokens`. */
  readonly cacheWriteTokens: number
  /** Including those of thinking. */
  readonly completionTokens: number
  /** Undefined if the endpoint does not report it. */
  readonly reasoningTokens?: number | undefined
}

/**
 * - `end`: the model ended its answer.
 * - `length`: `max_tokens` ended it.
 * - `stop_sequence`: a stop sequence of the request ended it, if the endpoint says so.
 * - `calls`: the client must run tools.
 * - `filtered`: a filter ended it, or the model refused.
 * - `context_full`: the context is full.
 */
export type StopReason = 'end' | 'length' | 'stop_sequence' | 'calls' | 'filtered' | 'context_full'

export interface AnswerEnding {
  readonly reason: StopReason
  /** The stop sequence of the request that ended the answer; null if it is unknown or another reason. */
  readonly stopSequence: string | null
  readonly usage: Usage
  /** As the endpoint reports them; undefined if it reports none. */
  readonly timings?: Timings | undefined
  /** In OpenAI's terms, such as `priority`; undefined if the endpoint names none. */
  readonly serviceTier?: string | undefined
}

/** Nanoseconds. */
export interface Timings {
  readonly loadNs?: number | undefined
  readonly promptNs?: number | undefined
  readonly generationNs?: number | undefined
}

/** In OpenAI's form. */
export interface TokenLogprob {
  readonly token: string
  readonly logprob: number
  readonly bytes: readonly number[] | null
  readonly top_logprobs: readonly JsonObject[]
}

/** Why an endpoint failed. */
export interface AnswerFailure {
  /** That the endpoint should have used; 502 if it does not say. Clients retry a 5xx and must not retry a 4xx. */
  readonly statusCode: number
  /** The endpoint's own type of the error, if it names one. */
  readonly endpointType?: string | undefined
  readonly code?: string | undefined
  readonly param?: string | undefined
  readonly message: string
  /** Set if the context of the model is too small for the request. */
  readonly contextLimit?: ContextLimit | undefined
}
