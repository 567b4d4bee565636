import type { RequestOutcome } from './outcome.ts'

/** What was read of an answer; each undefined where the answer did not tell. Times in milliseconds. */
export interface AnswerFigures {
  /** Events of a stream that carried text or a part of a tool call, so far; about one per token. */
  readonly contentEvents: number | undefined
  /** From receipt to the first of them. */
  readonly firstTokenMs: number | undefined
  /** Mean and longest time between the tokens of a stream. */
  readonly interTokenMs: number | undefined
  readonly interTokenMaxMs: number | undefined
  /** Of all completion tokens: as the endpoint timed it, else by their arrival in a stream. */
  readonly generationMs: number | undefined
  readonly tokensPerSecond: number | undefined
  /** Whether the endpoint told no completion tokens, so that events with content were counted instead. */
  readonly isCounted: boolean
  /** The part of the prompt tokens that the endpoint had in a cache. */
  readonly cachedTokens: number | undefined
  /** What the endpoint took to load the model and to read the prompt. */
  readonly loadMs: number | undefined
  readonly promptMs: number | undefined
}

/** How a request ended, told once, when it is over. */
export interface RequestRecord {
  /** The endpoint that answered, or the last one tried; undefined where none was. */
  readonly endpointSlot: number | undefined
  /** As requested; undefined where the request named none. */
  readonly model: string | undefined
  readonly outcome: RequestOutcome
  /** HTTP status sent to the client; undefined where it was sent none. */
  readonly status: number | undefined
  readonly requestBytes: number
  readonly responseBytes: number
  /** From receipt to the last byte. */
  readonly durationMs: number
  /** From receipt to the first byte of the answer; undefined where there was none. */
  readonly firstByteMs: number | undefined
  /** What the gateway itself took; undefined where no endpoint answered. */
  readonly overheadMs?: number | undefined
  /** From asking the answering endpoint to its first byte. */
  readonly upstreamMs?: number | undefined
  readonly promptTokens?: number | undefined
  readonly completionTokens?: number | undefined
  readonly answer?: AnswerFigures | undefined
  /** Tries, the first one included. */
  readonly attempts?: number | undefined
  /** How long it waited for a place on an endpoint; undefined where it did not have to. */
  readonly queuedMs?: number | undefined
  /** Epoch milliseconds. */
  readonly completedAtMs: number
  /** What routing by model decided; undefined where the request named no model. */
  readonly routing?: 'routed' | 'fallback' | 'rejected' | undefined
  /** What tells clients apart, their address. */
  readonly client?: string | undefined
}

/** Where attempts and requests are counted. */
export interface RequestStats {
  record(record: RequestRecord): void
  /** @param failed whether it counts against the endpoint */
  recordAttempt(slot: number, failed: boolean): void
  recordFailover(slot: number): void
}
