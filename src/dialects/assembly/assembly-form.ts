import type { BackendProfile } from '../../endpoints/profiles/profile.ts'
import type { StreamFraming } from '../../kernel/stream/framing.ts'
import type { BadAnswer } from '../errors/bad-answer.ts'

/** How the stream of an operation becomes the answer that the same request gets without streaming. */
export interface AssemblyForm {
  readonly framing: StreamFraming
  /** Whether this operation of the form generates text. @param path as the endpoint sees it */
  owns(path: string): boolean
  /** Whether a request without `stream` gets a stream. */
  readonly streamsByDefault: boolean
  /** Whether a stream reports its usage only on request, with `stream_options.include_usage`. */
  readonly requestsUsage: boolean
  /**
   * Keys of requests that endpoints refuse with streaming, or whose effect a stream does not show in full. A request in
   * which one of them has an effect is sent as it is.
   */
  readonly excludes: readonly string[]
  /** What an endpoint's route for the operation does not support; see `limitations.ts` of the translation. */
  limitations?(profile: BackendProfile): readonly string[]
  create(): AnswerAssembler
}

/** Assembles one answer. */
export interface AnswerAssembler {
  /**
   * Adds an event or a line.
   * @param data valid during the call
   * @param name of the event, '' if it has none
   * @returns why the answer is invalid
   */
  push(data: Buffer, name: string): BadAnswer | undefined
  /** Bytes that it retains, about. */
  readonly heldBytes: number
  /**
   * The stream has ended.
   * @param model replaces the endpoint's name for the model, if the answer has one
   */
  end(model: string | undefined): Buffer | BadAnswer
  /** Whether the answer, once it has ended, lacks the usage that it should report. */
  readonly lacksUsage: boolean
}

/** The stream ended without the mark of a complete answer. */
export const endedEarly: BadAnswer = { reason: 'ended before it was complete' }
