import type { ChatTraits } from '../../endpoints/profiles/chat-shape.ts'
import type { JsonObject } from '../../kernel/json/json-fields.ts'
import type { LongTextPlan } from '../../kernel/json/long-texts.ts'
import type { AnswerTransform } from '../../kernel/stream/answer-transform.ts'
import type { StreamFraming } from '../../kernel/stream/framing.ts'
import type { AnswerBuilder } from './answer/answer-builder.ts'
import type { AnswerReader } from './answer/answer-reader.ts'
import type { AnswerWriter } from './contract/answer.ts'
import type { Conversation } from './contract/conversation.ts'
import type { Fates, Feature } from './contract/features.ts'

/**
 * One operation of an API that generates text, such as `/v1/chat/completions`: how its requests and answers are read and
 * written. A request from any client can go to any endpoint: its format reads it, the endpoint's format writes it, and
 * the answer returns the same way.
 */
export interface Format {
  /** Unique: `chat`, `completions`, `responses`, `messages`, `ollama-chat`, `ollama-generate`. */
  readonly name: string
  /** Path at the endpoint and, below its base URL, at the gateway. */
  readonly path: string
  readonly framing: StreamFraming
  /** Headers that the API requires, as names and values in turn. */
  readonly requestHeaders?: readonly string[]
  /** Content type of a stream to the client. */
  readonly streamType: string
  /** Prefix of the IDs that the gateway gives calls without one, such as `call`. */
  readonly callIdPrefix: string
  /** Whether answers have refusals of their own; in other formats they are text. Default false. */
  readonly hasRefusals?: boolean
  /**
   * Whether the endpoint continues a text without the model's chat template. A chat means something else there, so it is
   * the last resort. Default false.
   */
  readonly isPlain?: boolean
  /** What each top-level field of a request is; `none` is not a feature of its own, such as `model` and `messages`. */
  readonly fields: Readonly<Record<string, Feature | 'none'>>
  /** Strings of a request that are text for the model: readers and writers look at nothing but their ends. */
  readonly longTexts: LongTextPlan
  /** What becomes of each feature of a conversation that is written in this format. */
  readonly fates: Fates
  /**
   * Reads a client's request: leniently in shape, but every field that changes the answer is understood or named.
   * @throws GatewayError invalid_request that names the field
   */
  readRequest(request: JsonObject): Conversation
  /** Writes a request for an endpoint. Features that `fates` does not keep or map are left out. */
  writeRequest(conversation: Conversation, target: FormatTarget): WrittenRequest
  /** Reads an endpoint's answer, event by event or whole. */
  readAnswer(builder: AnswerBuilder): AnswerReader
  /** Writes an answer for a client. */
  writeAnswer(call: FormatCall): AnswerWriter
  /**
   * Adds what the events of an endpoint's own stream lack, for endpoints whose profile says so.
   * @param model the client's name for it
   * @param createdAt in seconds
   */
  mendStream?(model: string, createdAt: number): AnswerTransform
  /**
   * The whole answer to a request that no endpoint needs to see if its API is another, such as one that only loads a
   * model (Ollama). Undefined if the request asks for an answer of the model.
   * @param model the client's name for it
   * @throws GatewayError invalid_request that names the field
   */
  immediateAnswer?(request: JsonObject, model: string, nowMs: number): JsonObject | undefined
}

/** What a request is written for. */
export interface FormatTarget {
  /** The endpoint's name for the model. */
  readonly model: string
  /** Of the endpoint's chat route; what they say of thinking and tools holds for its other routes too. */
  readonly traits: ChatTraits
  /** The model's context at the endpoint; undefined if unknown. */
  readonly contextTokens?: number | undefined
  /** Length of a text with what its marks stand for; undefined if no text has marks. */
  readonly lengthOf?: ((text: string) => number) | undefined
}

export interface WrittenRequest {
  readonly body: JsonObject
  /** The client's names of tools whose names had to be changed for the endpoint. */
  readonly originalNames?: ReadonlyMap<string, string> | undefined
  /** Names of the tools as sent. */
  readonly toolNames: readonly string[]
}

/** What a writer of answers knows of the request. */
export interface FormatCall {
  readonly conversation: Conversation
  readonly request: JsonObject
  readonly requestId: string
  /** Whether the client receives a stream. */
  readonly isStream: boolean
  /** Creates an ID of a prefix and 24 random characters, such as `msg_…`. */
  readonly newId: (prefix: string) => string
  /** Time of `monotonicMs` at which the request arrived; undefined if it is that of the call. */
  readonly startedMs?: number | undefined
  /** Wall clock in milliseconds, and a monotonic one. */
  readonly nowMs: () => number
  readonly monotonicMs: () => number
  /** Receives the whole answer when it has ended, if the gateway stores it for the client. */
  readonly store?: ((answer: EndedAnswer) => void) | undefined
}

/** An answer that a client may refer to later. */
export interface EndedAnswer {
  readonly id: string
  /** JSON text of the whole answer. */
  readonly text: string
  /** IDs of its items. */
  readonly itemIds: readonly string[]
}
