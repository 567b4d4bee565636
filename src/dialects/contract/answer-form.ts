import type { UsagePaths } from '../../endpoints/profiles/usage-fields.ts'
import type { ErrorCode } from '../../kernel/errors.ts'
import type { BodyEdit } from '../../kernel/json/body-edit.ts'
import type { ScannedBody } from '../../kernel/json/body-scan.ts'
import type { AssemblyForm } from '../assembly/assembly-form.ts'

type JsonObject = Readonly<Record<string, unknown>>

/** The operation that a model performs (OpenTelemetry semantic conventions, `gen_ai.operation.name`). */
export type GenAiOperation = 'chat' | 'text_completion' | 'embeddings'

/** The form of the answers to one operation, or to several with alike answers. */
export interface AnswerForm {
  /** Unique among the forms of all dialects. */
  readonly name: string
  /**
   * Whether the answer to a POST to this path has this form, under whatever prefix the API is mounted.
   * @param path as the endpoint sees it, without the query
   */
  owns(path: string): boolean
  /** GenAI operation by the end of the path. */
  readonly operations: Readonly<Record<string, GenAiOperation>>
  readonly usage: UsageDefinition
  /** Keys of an event whose value is generated content: a non-empty string, or a list of parts. */
  readonly contentKeys: readonly string[]
  /** Matches one of these keys. Shared: every search sets `lastIndex` before it uses the pattern. */
  readonly contentPattern: RegExp
  /** Top-level members that identify a JSON object as a result, with the type of their value. */
  readonly results: Readonly<Record<string, 'list' | 'object' | 'text'>>
  /** Matches the beginning of a complete answer as most servers write it, so that it passes without a JSON scan. */
  readonly plainStart: RegExp | undefined
  /** Undefined if answers in this form are never streamed, or their stream format is not known. */
  readonly stream: StreamForm | undefined
  /** Member whose object has a `model` too, besides the top level. */
  readonly modelHolder: 'message' | 'response' | undefined
  /** Whether the operation takes a prompt that can exceed the model's context. */
  readonly hasContext: boolean
  /** The edit to a streaming request without `include_usage` that makes the endpoint report its usage. */
  editForUsage: ((body: Buffer, scanned: ScannedBody) => BodyEdit | undefined) | undefined
  /**
   * Writes the last event of a broken stream, if it is more than the error's body.
   * @param tail the last bytes of the stream, as latin1
   */
  brokenStreamEvent: ((error: { code: ErrorCode; message: string }, tail: string) => string) | undefined
  /** Makes the whole answer of a stream; undefined if that is not known to be exact. */
  readonly assembly: AssemblyForm | undefined
}

/** Where an answer reports its tokens and times. */
export interface UsageDefinition {
  /** Name of its section in a backend profile. */
  readonly section: string
  /** The API's own paths; those of a profile take precedence. */
  readonly standard: UsagePaths
  /** Whether a whole answer may report it before its text, not only after it. */
  readonly isAtStart?: boolean
  /** Further paths with the same usage, whose answers have no known form. */
  readonly furtherPaths: RegExp | undefined
}

/**
 * What an event adds to a stream that has had no content.
 *
 * - `content`: generated content, or anything that is not known to be less
 * - `idle`: part of an answer, without content yet
 * - `empty_end`: the model ended its answer by its own decision and generated nothing
 */
export type EventContent = 'content' | 'idle' | 'empty_end'

export interface StreamForm {
  /** Matches any part of a stream of this API. Generated text cannot match, because its quotes are escaped. */
  readonly belongs: RegExp
  /** Matches the end of a stream. */
  readonly ends: RegExp
  /** The usual last bytes of a stream, which generated text cannot contain. */
  readonly usualEnd: Buffer | undefined
  /** Whether `[DONE]` ends it. */
  readonly endsWithDone: boolean
  /** Undefined if the stream consists of server-sent events. */
  readonly lines: LineForm | undefined
  /** Whether an event evidently carries generated text. */
  startsText(text: string): boolean
  /** @param name of the event, '' if it has none */
  contentOf(text: string, name: string): EventContent
  /** Whether clients of the API treat an event as an error. @param name of the event, '' if it has none */
  isErrorEvent(name: string, value: JsonObject): boolean
}

export interface LineForm {
  isLast(value: JsonObject): boolean
  /** Whether a line carries generated content, so that a member `error` in it is not an error. */
  isContent(value: JsonObject): boolean
  /** A cheap test before the line is parsed. */
  mayBeError(text: string): boolean
  contentOf(text: string): EventContent
}

const noOperations: AnswerForm['operations'] = {}
const noResults: AnswerForm['results'] = {}

/** Members that a form may omit. */
type Optional =
  | 'operations'
  | 'contentPattern'
  | 'results'
  | 'plainStart'
  | 'stream'
  | 'modelHolder'
  | 'hasContext'
  | 'editForUsage'
  | 'brokenStreamEvent'
  | 'assembly'

/** Gives all forms the same hidden class, which V8 reads faster. */
export function answerForm(form: Omit<AnswerForm, Optional> & Partial<AnswerForm>): AnswerForm {
  return {
    name: form.name,
    owns: form.owns,
    operations: form.operations ?? noOperations,
    usage: form.usage,
    contentKeys: form.contentKeys,
    contentPattern: new RegExp(`"(?:${form.contentKeys.join('|')})"`, 'g'),
    results: form.results ?? noResults,
    plainStart: form.plainStart,
    stream: form.stream,
    modelHolder: form.modelHolder,
    hasContext: form.hasContext ?? false,
    editForUsage: form.editForUsage,
    brokenStreamEvent: form.brokenStreamEvent,
    assembly: form.assembly,
  }
}
