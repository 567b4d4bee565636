import type { JsonObject } from '../../../kernel/json/json-fields.ts'
import type { Feature } from './features.ts'

/** A request to generate text, in terms of no API. Readers produce it, and writers express it in their API. */
export interface Conversation {
  /** In order; see `orderTurns` for what writers may rely on. */
  readonly turns: readonly Turn[]
  readonly tools: readonly Tool[]
  /** Undefined leaves the choice to the endpoint. */
  readonly toolChoice: ToolChoice | undefined
  readonly settings: Settings
  readonly isStream: boolean
  /** What the request uses, for `refusedFeatures`. */
  readonly uses: ReadonlySet<Feature>
}

export type Turn = SystemTurn | UserTurn | AssistantTurn | ResultsTurn

export interface SystemTurn {
  readonly role: 'system'
  readonly text: string
  /** Whether the client called it `developer`. */
  readonly isDeveloper: boolean
}

export interface UserTurn {
  readonly role: 'user'
  readonly parts: readonly Part[]
  readonly name?: string | undefined
}

export interface AssistantTurn {
  readonly role: 'assistant'
  readonly parts: readonly AssistantPart[]
}

/** Results of tool calls. */
export interface ResultsTurn {
  readonly role: 'results'
  readonly results: readonly ToolResult[]
}

export interface ToolResult {
  /** ID of the call as the client knows it; '' if the client names only the tool. */
  readonly callId: string
  /** Name of the tool, for APIs that identify results by it. */
  readonly name?: string | undefined
  readonly parts: readonly Part[]
  readonly isError: boolean
}

export type Part = TextPart | ImagePart | AudioPart | DocumentPart

export interface TextPart {
  readonly kind: 'text'
  readonly text: string
}

export interface ImagePart {
  readonly kind: 'image'
  readonly source: MediaSource
  /** OpenAI's `low`, `high` or `auto`. */
  readonly detail?: string | undefined
}

export interface AudioPart {
  readonly kind: 'audio'
  /** Base64. */
  readonly data: string
  /** `wav`, `mp3`, … */
  readonly format: string
}

export interface DocumentPart {
  readonly kind: 'document'
  readonly source: MediaSource
  readonly name: string | undefined
}

export type MediaSource =
  | { readonly kind: 'url'; readonly url: string }
  /** `data` is base64. */
  | { readonly kind: 'data'; readonly data: string; readonly mediaType: string }
  | { readonly kind: 'file'; readonly id: string }

export type AssistantPart = TextPart | ThinkingPart | CallPart | RefusalPart

export interface ThinkingPart {
  readonly kind: 'thinking'
  /** '' if the client has only the encrypted form. */
  readonly text: string
  /** What the client's API returned with it; see `reasoning-signature.ts`. */
  readonly signature?: string | undefined
}

export interface CallPart {
  readonly kind: 'call'
  /** As the client knows it; '' if its API has no IDs. */
  readonly id: string
  readonly name: string
  /** JSON text of an object. */
  readonly args: string
}

/** What the model said when it refused to answer. */
export interface RefusalPart {
  readonly kind: 'refusal'
  readonly text: string
}

export type Tool = FunctionTool | CustomTool | HostedTool

export interface FunctionTool {
  readonly kind: 'function'
  /** Unique in the request. A member of a namespace has the name of its namespace in front. */
  readonly name: string
  readonly description: string | undefined
  /** JSON schema of the arguments; undefined if the tool has none. */
  readonly schema: JsonObject | undefined
  readonly isStrict: boolean
  /** Set if the tool is a member of a namespace. */
  readonly member?: NamespaceMember | undefined
  /** The client's type of a tool that the client runs but does not define itself, such as `local_shell`. */
  readonly clientType?: string | undefined
}

/** The client's names of a namespace and of a tool in it. */
export interface NamespaceMember {
  readonly namespace: string
  readonly name: string
}

/**
 * A tool whose input is free text (OpenAI's `custom`). APIs without such tools get a function whose one argument, the
 * string `input`, is that text; so does every `CallPart` and answer.
 */
export interface CustomTool {
  readonly kind: 'custom'
  readonly name: string
  readonly description: string | undefined
  /** OpenAI's `format`, such as a grammar. */
  readonly format: JsonObject | undefined
  /** Set if the tool is a member of a namespace. */
  readonly member?: NamespaceMember | undefined
}

/** A tool that the server itself runs, such as web search. */
export interface HostedTool {
  readonly kind: 'hosted'
  /** The client's name of its type. */
  readonly type: string
  readonly definition: JsonObject
}

export type ToolChoice =
  | { readonly mode: 'auto' | 'required' | 'none' }
  /** One tool that must be called. */
  | { readonly mode: 'tool'; readonly name: string }
  /** Only some of the tools. */
  | { readonly mode: 'allowed'; readonly names: readonly string[]; readonly isRequired: boolean }

/** Undefined leaves a setting to the endpoint. */
export interface Settings {
  readonly maxTokens?: number | undefined
  readonly temperature?: number | undefined
  readonly topP?: number | undefined
  readonly topK?: number | undefined
  readonly minP?: number | undefined
  readonly seed?: number | undefined
  readonly stop?: readonly string[] | undefined
  readonly presencePenalty?: number | undefined
  readonly frequencyPenalty?: number | undefined
  readonly repeatPenalty?: number | undefined
  readonly logitBias?: JsonObject | undefined
  /** Number of alternatives for each token; 0 reports only the chosen ones. */
  readonly logprobs?: number | undefined
  /** Number of answers; undefined means one. */
  readonly choices?: number | undefined
  readonly format?: AnswerFormat | undefined
  readonly thinking?: Thinking | undefined
  /** OpenAI's `low`, `medium` or `high`. */
  readonly verbosity?: string | undefined
  readonly parallelCalls?: boolean | undefined
  readonly user?: string | undefined
  readonly metadata?: JsonObject | undefined
  readonly serviceTier?: string | undefined
  /** Ollama's `keep_alive`: seconds, or a duration such as `5m`. */
  readonly keepAlive?: number | string | undefined
  /** Ollama's `num_ctx`. */
  readonly contextTokens?: number | undefined
  /** Whether the endpoint may shorten a prompt that is too long; undefined leaves it to the endpoint. */
  readonly truncates?: boolean | undefined
  /** Whether the answer continues the assistant turn at the end. */
  readonly continuesAnswer?: boolean | undefined
  /** Text after the answer, for fill in the middle. */
  readonly suffix?: string | undefined
  /** Whether the client asks for the usage at the end of its stream; undefined if its API always reports it. */
  readonly streamUsage?: boolean | undefined
}

export type AnswerFormat =
  | { readonly kind: 'json' }
  | {
      readonly kind: 'schema'
      readonly name: string
      readonly schema: JsonObject
      readonly description?: string | undefined
      /** Undefined leaves it to the endpoint. */
      readonly isStrict?: boolean | undefined
    }

export interface Thinking {
  /** Undefined leaves it to the model. */
  readonly isOn?: boolean | undefined
  /** `minimal`, `low`, `medium`, `high`, `xhigh` or `max`. */
  readonly effort?: string | undefined
  readonly budgetTokens?: number | undefined
  /** Whether the client wants to see the thinking; undefined if its API always shows it. */
  readonly isShown?: boolean | undefined
}
