import type { RequestOutcome } from './outcome.ts'

/** Figures read from an answer, each undefined if the answer does not report it. Times in milliseconds. */
export interface AnswerFigures {
  /** Number of stream events so far that carried text or part of a tool call; about one per token. */
  readonly contentEvents: number | undefined
  /** From receipt to the first of these events. */
  readonly firstTokenMs: number | undefined
  /** Mean and maximum time between the tokens of a stream. */
  readonly interTokenMs: number | undefined
  readonly interTokenMaxMs: number | undefined
  /** Generation time of all completion tokens: as the endpoint reports it, otherwise from their arrival in a stream. */
  readonly generationMs: number | undefined
  readonly tokensPerSecond: number | undefined
  /** Whether the endpoint reported no completion tokens, so that content events were counted instead. */
  readonly isCounted: boolean
  /** Prompt tokens that the endpoint read from a cache. */
  readonly cachedTokens: number | undefined
  /** Completion tokens that are reasoning. */
  readonly reasoningTokens?: number | undefined
  /** Seconds of audio that were transcribed. */
  readonly audioSeconds?: number | undefined
  /** Time that the endpoint took to load the model and to read the prompt. */
  readonly loadMs: number | undefined
  readonly promptMs: number | undefined
}

/** How a request ended, recorded once when it is over. */
export interface RequestRecord {
  /** The endpoint that answered, or the last one tried; undefined if none was. */
  readonly endpointSlot: number | undefined
  /** As requested; undefined if the request named none. */
  readonly model: string | undefined
  readonly outcome: RequestOutcome
  /** HTTP status sent to the client; undefined if none was sent. */
  readonly status: number | undefined
  readonly requestBytes: number
  readonly responseBytes: number
  /** From receipt to the last byte. */
  readonly durationMs: number
  /** From receipt to the first byte of the answer; undefined if there was none. */
  readonly firstByteMs: number | undefined
  /** Time that the gateway itself took; undefined if no endpoint answered. */
  readonly overheadMs?: number | undefined
  /** From sending the request to the answering endpoint to the first byte of its answer. */
  readonly upstreamMs?: number | undefined
  readonly promptTokens?: number | undefined
  readonly completionTokens?: number | undefined
  readonly answer?: AnswerFigures | undefined
  /** Number of attempts, including the first. */
  readonly attempts?: number | undefined
  /** Time in the queue for a slot on an endpoint; undefined if the request did not wait. */
  readonly queuedMs?: number | undefined
  /** Position when it began to wait. */
  readonly queuePosition?: number | undefined
  /** Epoch milliseconds. */
  readonly completedAtMs: number
  /** Decision of routing by model; undefined if the request named no model. */
  readonly routing?: 'routed' | 'fallback' | 'rejected' | undefined
  /** How the last attempt was translated; undefined if it was sent as the client wrote it. */
  readonly translation?: { readonly from: string; readonly to: string } | undefined
  /** Identifies the client, by its address. */
  readonly client?: string | undefined
}

/** Counts attempts and requests. */
export interface RequestStats {
  record(record: RequestRecord): void
  /** @param failed whether it counts against the endpoint */
  recordAttempt(slot: number, failed: boolean): void
  recordFailover(slot: number): void
}
