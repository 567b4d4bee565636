import { framingOf } from '../answer/media-type.ts'
import { editBody, valueEdit } from '../json/body-edit.ts'
import type { JsonSpan } from '../json/body-scan.ts'
import type { BackendProfile } from '../model/profile.ts'
import type { RoutedEndpoint } from '../model/router.ts'
import { isAtLeast } from '../model/server-version.ts'
import type {
  AnswerVariant,
  GatheredAnswer,
  RequestVariant,
  WholeAnswer,
} from '../upstream/request-variant.ts'
import { headerValue, type UpstreamHead } from '../upstream/response-headers.ts'
import { type AnswerTranslation, translateAnswer } from './answer-translation.ts'
import type { ExpectedAnswer } from './chat-reader.ts'
import { chatRequest } from './chat-request.ts'
import type { ChatTraits } from './chat-shape.ts'
import { ErrorAnswer } from './error-answer.ts'
import { type JsonObject, listField, objectField } from './json-fields.ts'
import { readMessagesRequest } from './messages-request.ts'
import { roughTokens } from './prompt-text.ts'

/** A Messages request as it came. */
export interface MessagesCall {
  readonly body: Buffer
  readonly modelSpan: JsonSpan | undefined
  /** What the client calls the model. */
  readonly model: string
  /** With its `?`, or ''. */
  readonly query: string
  readonly isStream: boolean
  readonly requestId: string
}

export interface VariantOptions {
  /** Whether endpoints that speak the API get the request as it came. */
  readonly passthrough: boolean
  /** Whether answers carry the client's name for the model. */
  readonly renameAnswers: boolean
  readonly serverVersion: (slot: number) => string | undefined
  readonly newId: (prefix: string) => string
  /** Reads what the client gets; undefined where nobody does. */
  readonly tap?: ((chunk: Buffer) => void) | undefined
}

export type MessagesMode = 'passthrough' | 'translation'

/** What any OpenAI-compatible server understands. */
export const plainChat: ChatTraits & { readonly path: string } = {
  path: '/v1/chat/completions',
  reasoningField: 'none',
  thinkingSwitch: 'none',
  readsFiles: false,
  continuesMessages: false,
}

/** Whether an endpoint answers Messages requests by itself, as far as its profile and its version tell. */
export function speaksMessages(profile: BackendProfile | undefined, version: string | undefined): boolean {
  return profile?.anthropic.enabled === true && isAtLeast(version, profile.anthropic.minVersion)
}

/**
 * One Messages request in the form that each endpoint understands: as it came where the endpoint speaks the
 * API, as a chat completion where it does not. Each attempt decides for itself, so a request can move between both.
 */
export class MessageVariants {
  readonly #call: MessagesCall
  readonly #options: VariantOptions
  #mode: MessagesMode | undefined

  constructor(call: MessagesCall, options: VariantOptions) {
    this.#call = call
    this.#options = options
  }

  /** Of the last attempt; undefined before the first. */
  get mode(): MessagesMode | undefined {
    return this.#mode
  }

  /** @throws GatewayError invalid_request where the request cannot be translated */
  of({ endpoint, nativeModel, sentModel }: RoutedEndpoint): RequestVariant {
    const { profile, slot } = endpoint
    // Nothing of it is kept while the endpoint works: what lives long costs the garbage collector.
    let parsed: JsonObject | undefined
    const request = () => {
      parsed ??= readMessagesRequest(this.#call.body)
      return parsed
    }
    const isNative =
      this.#options.passthrough &&
      profile !== undefined &&
      speaksMessages(profile, this.#options.serverVersion(slot)) &&
      this.#isWithin(profile.anthropic.limitations, request)
    this.#mode = isNative ? 'passthrough' : 'translation'
    return isNative
      ? this.#native(profile.anthropic.messagesPath, sentModel)
      : this.#chat(request(), profile, nativeModel)
  }

  #native(path: string, sentModel: string | undefined): RequestVariant {
    const { body, modelSpan, query } = this.#call
    const isRenamed = modelSpan !== undefined && sentModel !== undefined
    return {
      path,
      query,
      body: isRenamed ? editBody(body, [valueEdit(modelSpan, sentModel)]) : body,
      mode: 'passthrough',
      answer: (head) => (head.statusCode >= 400 ? this.#error(head) : undefined),
    }
  }

  #chat(
    request: JsonObject,
    profile: BackendProfile | undefined,
    nativeModel: string | undefined,
  ): RequestVariant {
    const traits = profile?.chat ?? plainChat
    const chat = chatRequest(request, nativeModel ?? this.#call.model, traits)
    const expected = this.#expected(request, chat)
    return {
      path: traits.path,
      query: '',
      body: Buffer.from(JSON.stringify(chat)),
      headers: [
        'Content-Type',
        'application/json',
        'Accept',
        this.#call.isStream ? 'text/event-stream' : 'application/json',
      ],
      answer: (head) => (head.statusCode >= 400 ? this.#error(head) : this.#message(head, expected)),
    }
  }

  #message(head: UpstreamHead, expected: ExpectedAnswer): AnswerVariant | GatheredAnswer {
    if (isEncoded(head)) return ErrorAnswer.unreadable(this.#call.requestId)
    const from = framingOf(headerValue(head.headers, 'content-type')) === 'sse' ? 'stream' : 'whole'
    const to = this.#call.isStream ? 'stream' : 'whole'
    const translation = translateAnswer(from, to, expected)
    if (to === 'whole') return this.#gathered(translation)
    return {
      statusCode: 200,
      headers: ['Content-Type', 'text/event-stream; charset=utf-8', 'Cache-Control', 'no-cache'],
      transforms: this.#options.tap === undefined ? [translation] : [translation, tapping(this.#options.tap)],
    }
  }

  #expected(request: JsonObject, chat: JsonObject): ExpectedAnswer {
    const { renameAnswers, newId } = this.#options
    return {
      messageId: newId('msg'),
      model: this.#call.model,
      keepsModel: !renameAnswers,
      requestId: this.#call.requestId,
      stopSequences: listField(request, 'stop_sequences').filter((each) => typeof each === 'string'),
      showThinking: objectField(request, 'thinking')?.type !== 'disabled',
      inputTokens: roughTokens(chat),
      newCallId: () => newId('toolu'),
    }
  }

  #gathered(translation: AnswerTranslation): GatheredAnswer {
    const parts: Buffer[] = []
    const { tap } = this.#options
    return {
      push: (chunk) => {
        parts.push(translation.push(chunk))
      },
      end(): WholeAnswer {
        const body = Buffer.concat([...parts, translation.end()])
        tap?.(body)
        const statusCode = translation.outcome === 'complete' ? 200 : 502
        return { statusCode, headers: ['Content-Type', 'application/json; charset=utf-8'], body }
      },
    }
  }

  #error(head: UpstreamHead): GatheredAnswer {
    const error = new ErrorAnswer(head.statusCode, this.#call.requestId)
    const { tap } = this.#options
    return {
      push: (chunk) => error.push(chunk),
      end() {
        const whole = error.end()
        tap?.(whole.body)
        return whole
      },
    }
  }

  /** Olla's limitations of an endpoint, by what the request needs. */
  #isWithin(limitations: readonly string[], request: () => JsonObject): boolean {
    return limitations.every((limitation) => {
      switch (limitation) {
        case 'no_tool_use':
          return listField(request(), 'tools').length === 0
        case 'no_extended_thinking':
          return request().thinking === undefined
        case 'no_vision':
          return !this.#call.body.includes('"image"')
        default:
          return true
      }
    })
  }
}

/** The request asked for no compression. */
function isEncoded({ headers }: UpstreamHead): boolean {
  const encoding = headerValue(headers, 'content-encoding')
  return encoding !== undefined && encoding !== 'identity'
}

function tapping(tap: (chunk: Buffer) => void) {
  return {
    push(chunk: Buffer): Buffer {
      if (chunk.length > 0) tap(chunk)
      return chunk
    },
    end: () => Buffer.alloc(0),
  }
}
