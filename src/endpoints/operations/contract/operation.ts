import type { ErrorCode } from '../../../kernel/errors.ts'

/** What an operator, or a rule, may ask an engine to do with a model. */
export const operationKinds = [
  'load',
  'unload',
  'pull',
  'delete',
  'sleep',
  'wake',
  'load_adapter',
  'unload_adapter',
] as const
export type OperationKind = (typeof operationKinds)[number]

export const operationStates = ['running', 'done', 'failed', 'cancelled'] as const
export type OperationState = (typeof operationStates)[number]

/** Operations that take a model, or its whole engine, away from requests. */
export const takesAway: ReadonlySet<OperationKind> = new Set(['unload', 'delete', 'sleep', 'unload_adapter'])
/** Operations on the whole engine. */
export const isOfEngine: ReadonlySet<OperationKind> = new Set(['sleep', 'wake'])

/** Details of an operation that only some engines and kinds use. */
export interface OperationDetails {
  /** Name of a LoRA adapter. */
  readonly adapter?: string | undefined
  /** Where the engine finds the adapter. */
  readonly path?: string | undefined
  /** How deeply vLLM sleeps: 1 keeps the weights in main memory, 2 discards them. */
  readonly level?: number | undefined
  /** How long Ollama keeps the model: a duration or a number of seconds; below 0 for ever. */
  readonly keepAlive?: string | number | undefined
}

/** What an operator or a rule orders. */
export interface OperationOrder extends OperationDetails {
  readonly kind: OperationKind
  readonly model: string
  /** Names and globs of endpoints; undefined leaves the choice to the gateway. */
  readonly endpoints: readonly string[] | undefined
  /** Whether requests in flight do not prevent it. */
  readonly isForced: boolean
  /** Who asks. */
  readonly by: string
}

/** One operation at one endpoint. */
export interface OperationView {
  readonly id: string
  readonly kind: OperationKind
  readonly endpoint: string
  /** As the endpoint spells it. */
  readonly model: string
  readonly adapter: string | undefined
  readonly state: OperationState
  /** What the engine does now, or how it ended; safe to show. */
  readonly detail: string
  /** Bytes, where the engine reports them. */
  readonly completed: number | undefined
  readonly total: number | undefined
  readonly by: string
  /** Epoch milliseconds. */
  readonly startedAtMs: number
  readonly endedAtMs: number | undefined
}

/** Why an order, or its part for one endpoint, was not begun. */
export interface OperationRefusal {
  /** Undefined if it concerns the whole order. */
  readonly endpoint: string | undefined
  readonly code: ErrorCode
  readonly reason: string
}

export interface StartedOperations {
  /** Begun, or under way already. */
  readonly operations: readonly OperationView[]
  readonly refused: readonly OperationRefusal[]
}

/** What an engine is asked. */
export interface EngineRequest extends OperationDetails {
  readonly model: string
  /** Whether the model only embeds, as far as its endpoint says so. */
  readonly isEmbedding: boolean
}

export interface EngineProgress {
  readonly detail: string
  readonly completed?: number | undefined
  readonly total?: number | undefined
}

export interface EngineAnswer {
  readonly status: number
  /** The body, if it is a JSON object. */
  readonly json: Readonly<Record<string, unknown>>
  readonly text: string
}

/** Sends requests of one operation to one endpoint. All throw `OperationError`, and end when the operation is cancelled. */
export interface EngineCalls {
  /** Any status is an answer. */
  send(method: string, path: string, body?: object): Promise<EngineAnswer>
  /** A status from 300 on is an error. */
  ok(method: string, path: string, body?: object): Promise<EngineAnswer>
  /** Reads an answer of JSON lines; an `error` in a line is an error. */
  lines(path: string, body: object, onLine: (line: Readonly<Record<string, unknown>>) => void): Promise<void>
  sleep(ms: number): Promise<void>
}

/** A model in the memory of an engine. */
export interface LoadedModel {
  /** Epoch milliseconds at which the engine unloads it by itself; undefined if never or unknown. */
  readonly expiresAtMs: number | undefined
}

/** @returns how it ended, for display */
export type RunOperation = (
  calls: EngineCalls,
  request: EngineRequest,
  report: (progress: EngineProgress) => void,
) => Promise<string>

/** The model operations of one engine. */
export interface EngineApi {
  /** What its list adds to a name that clients may leave without it. */
  readonly usualTag?: string
  readonly operations: Readonly<Partial<Record<OperationKind, RunOperation>>>
  /** The models in its memory; absent for engines whose models always are. */
  readonly loaded?: (calls: EngineCalls) => Promise<ReadonlyMap<string, LoadedModel>>
}

/** The engine could not do it; the message is safe to show. */
export class OperationError extends Error {
  override readonly name = 'OperationError'
}
