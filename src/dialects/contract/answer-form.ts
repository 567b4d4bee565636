import type { UsagePaths } from '../../endpoints/profiles/usage-fields.ts'
import type { ErrorCode } from '../../kernel/errors.ts'
import type { BodyEdit } from '../../kernel/json/body-edit.ts'
import type { ScannedBody } from '../../kernel/json/body-scan.ts'

type JsonObject = Readonly<Record<string, unknown>>

/** What is asked of a model (OpenTelemetry semantic conventions, `gen_ai.operation.name`). */
export type GenAiOperation = 'chat' | 'text_completion' | 'embeddings'

/** Events, or a JSON text in each line. */
export type StreamFraming = 'sse' | 'ndjson'

/** How the answers to one operation look, or to several alike. */
export interface AnswerForm {
  /** Unique among the forms of all dialects. */
  readonly name: string
  /**
   * Whether the answer to a POST to this path has the form, whatever the API is mounted below.
   * @param path as the endpoint sees it, without a query
   */
  owns(path: string): boolean
  /** What is asked of a model, by the end of the path. */
  readonly operations: Readonly<Record<string, GenAiOperation>>
  readonly usage: UsagePlaces
  /** Keys of an event that carry what a model says: text that is not empty, or a list of parts. */
  readonly contentKeys: readonly string[]
  /** Finds one of them. It is used by one search after the other, from a place that each sets itself. */
  readonly contentPattern: RegExp
  /** Top-level members that make a JSON object a result, by what their value is. */
  readonly results: Readonly<Record<string, 'list' | 'object' | 'text'>>
  /** The beginning of a whole answer as most servers write it: it shows at first sight that it is one. */
  readonly plainBeginning: RegExp | undefined
  /** Undefined where the form is never a stream, or one whose marks are not known. */
  readonly stream: StreamForm | undefined
  /** Member whose object names the model, besides the answer itself. */
  readonly modelHolder: 'message' | 'response' | undefined
  /** Whether the operation takes a prompt whose length an error may be about. */
  readonly hasContext: boolean
  /** What makes an endpoint tell the usage of a stream whose client does not ask for it. */
  askUsage: ((body: Buffer, scanned: ScannedBody) => BodyEdit | undefined) | undefined
  /**
   * The last event of a stream that broke, where it is not simply the error's body.
   * @param tail the last bytes of the stream, as latin1
   */
  breakEvent: ((error: { code: ErrorCode; message: string }, tail: string) => string) | undefined
}

/** Where an answer tells its tokens and times. */
export interface UsagePlaces {
  /** Name of the section that a backend profile has for it. */
  readonly section: string
  /** Where the API has them by itself; a profile's own places go before. */
  readonly standard: UsagePaths
  /** Further paths that are read alike, also where nothing else is known of their answers. */
  readonly alsoAt: RegExp | undefined
}

export interface StreamForm {
  /** Whether a text is out of a stream of this API at all. Inside of a text of the model quotes are escaped. */
  readonly belongs: RegExp
  readonly ends: RegExp
  /** The ordinary form of the ending, which no text of the model can contain. */
  readonly lastWord: Buffer | undefined
  /** Whether `[DONE]` ends it. */
  readonly endsWithDone: boolean
  /** What a JSON text in each line says; undefined where the stream has events. */
  readonly lines: LineForm | undefined
  /** Whether an event says by itself that something is generated. */
  startsText(text: string): boolean
  /** Whether an event is part of an answer and says nothing yet. */
  isIdle(text: string): boolean
  /** Whether clients take an event for an error. @param name of the event, '' where it has none */
  seesError(name: string, value: JsonObject): boolean
}

export interface LineForm {
  isLast(value: JsonObject): boolean
  /** Whether a line brings what was generated, so that an `error` in it is no error. */
  isContent(value: JsonObject): boolean
  /** At first sight. */
  mayBeError(text: string): boolean
  isIdle(text: string): boolean
}

const noOperations: AnswerForm['operations'] = {}
const noResults: AnswerForm['results'] = {}

/** What a form may leave out. */
type Optional =
  | 'operations'
  | 'contentPattern'
  | 'results'
  | 'plainBeginning'
  | 'stream'
  | 'modelHolder'
  | 'hasContext'
  | 'askUsage'
  | 'breakEvent'

/** One shape for all forms: the engine reads them faster. */
export function answerForm(form: Omit<AnswerForm, Optional> & Partial<AnswerForm>): AnswerForm {
  return {
    name: form.name,
    owns: form.owns,
    operations: form.operations ?? noOperations,
    usage: form.usage,
    contentKeys: form.contentKeys,
    contentPattern: new RegExp(`"(?:${form.contentKeys.join('|')})"`, 'g'),
    results: form.results ?? noResults,
    plainBeginning: form.plainBeginning,
    stream: form.stream,
    modelHolder: form.modelHolder,
    hasContext: form.hasContext ?? false,
    askUsage: form.askUsage,
    breakEvent: form.breakEvent,
  }
}
