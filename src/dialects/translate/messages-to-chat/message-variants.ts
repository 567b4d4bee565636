import { type ChatTraits, plainChat } from '../../../endpoints/profiles/chat-shape.ts'
import { framingOf } from '../../../http/headers/media-type.ts'
import { headerValue, type UpstreamHead } from '../../../http/headers/response-headers.ts'
import { GatewayError } from '../../../kernel/errors.ts'
import { editBody, valueEdit } from '../../../kernel/json/body-edit.ts'
import { type JsonObject, numberField } from '../../../kernel/json/json-fields.ts'
import { type BodyBytes, bytesOf } from '../../../kernel/memory/body-bytes.ts'
import type { RoutedEndpoint } from '../../../routing/models/router.ts'
import type { RequestSize } from '../../anthropic/errors/context-sentence.ts'
import { ErrorAnswer } from '../../anthropic/errors/error-answer.ts'
import { WholeMessageEvents } from '../../anthropic/messages/answer/whole-message.ts'
import { messageWriter } from '../../anthropic/messages/answer/write-answer.ts'
import { supportsRequest } from '../../anthropic/messages/request/limitations.ts'
import { messagesTexts } from '../../anthropic/messages/request/messages-texts.ts'
import { readMessages } from '../../anthropic/messages/request/read-request.ts'
import {
  mayRefuseStreamOptions,
  messagesRefusals,
  refusesField,
  streamOptionsRefusals,
} from '../../errors/refusals.ts'
import type { AnswerBuilder, Expected } from '../../hub/answer/answer-builder.ts'
import { translateAnswer } from '../../hub/answer/answer-translation.ts'
import { GatheredTranslation, tapped, tapTransform } from '../../hub/answer/gathered-answer.ts'
import { callIdsIn } from '../../hub/calls/call-ids.ts'
import type { Conversation } from '../../hub/contract/conversation.ts'
import type { WrittenRequest } from '../../hub/format.ts'
import { fingerprint } from '../../hub/parts/reasoning-signature.ts'
import { type ParsedRequest, parseShort, shortOrFull, writeBody } from '../../hub/parts/request-body.ts'
import { isThinker } from '../../hub/parts/thinkers.ts'
import { ChatReader } from '../../openai/chat/answer/read-answer.ts'
import { writeChatRequest } from '../../openai/chat/request/write-request.ts'
import type { AnswerVariant, GatheredAnswer, RequestVariant } from '../../variants/request-variant.ts'
import { isEncoded } from '../encoded-answer.ts'
import { onAccepted } from '../on-accepted.ts'
import type { AppliedTranslation } from '../request-translation.ts'
import { speaksMessages } from '../speaks-messages.ts'
import { wholeInstead } from '../upstream-stream.ts'
import { withoutUsage } from '../without-usage.ts'
import type { MessagesCall, VariantOptions } from './messages-call.ts'
import { fittedByEstimate, fittedByRefusal, withMaxTokens } from './tokens/fit-tokens.ts'
import { roughTokens } from './tokens/prompt-text.ts'

export type { MessagesCall, VariantOptions } from './messages-call.ts'

interface ExpectedMessage extends Expected, RequestSize {
  readonly messageId: string
  /** Whether thinking follows the first text. */
  readonly putsTextFirst: boolean
  readonly promptTokens: number
  /** Whether the endpoint is asked for a stream that the client did not request. */
  readonly isStreamed: boolean
}

const chatAnswers = { readAnswer: (builder: AnswerBuilder) => new ChatReader(builder) }

const toChat: AppliedTranslation = { from: 'messages', to: 'chat', dropped: [] }

/** What an endpoint has refused in a translated request. */
interface ChatForm {
  /** False does not request the usage of a stream. */
  readonly requestsUsage?: boolean
  /** False requests no stream that the client did not request. */
  readonly requestsStream?: boolean
  /** Replaces the client's value. */
  readonly maxTokens?: number
}

/** A translated body may be this many times as large as the request, plus `spareBytes`. */
const maxGrowth = 4
const spareBytes = 1_048_576

const eventHeaders = ['Content-Type', 'text/event-stream; charset=utf-8', 'Cache-Control', 'no-cache']

type Tap = (chunk: Buffer) => void

export type MessagesMode = 'passthrough' | 'translation'

/**
 * One Messages request in the form that each endpoint supports: unchanged if it has the API, else as a chat completion.
 * Each attempt decides separately, so failover can cross between the two.
 */
export class MessageVariants {
  readonly #call: MessagesCall
  readonly #options: VariantOptions
  readonly #tap: Tap | undefined
  #mode: MessagesMode | undefined
  #parsed: ParsedRequest | undefined

  /**
   * @param options shared by all requests
   * @param tap receives a copy of what the client receives; undefined if unused
   */
  constructor(call: MessagesCall, options: VariantOptions, tap?: Tap) {
    this.#call = call
    this.#parsed = call.parsed
    this.#options = options
    this.#tap = tap
  }

  /** Mode of the last attempt; undefined before the first. */
  get mode(): MessagesMode | undefined {
    return this.#mode
  }

  /** @throws GatewayError invalid_request if the request cannot be translated */
  of(target: RoutedEndpoint): RequestVariant {
    const { endpoint, sentModel } = target
    const { profile, slot } = endpoint
    const version = this.#options.serverVersion(slot)
    const isNative =
      this.#options.passthrough &&
      profile !== undefined &&
      speaksMessages(profile, version) &&
      !messagesRefusals.has(endpoint) &&
      supportsRequest(profile.anthropic.limitations, version, this.#call.body, () => this.#read().request)
    this.#mode = isNative ? 'passthrough' : 'translation'
    if (isNative) {
      this.forgetParsed()
      return this.#native(profile.anthropic.messagesPath, sentModel, target)
    }
    const variant = this.#options.translate?.(this.#call, target) ?? this.#chat(target)
    this.forgetParsed()
    return variant
  }

  /** Forgets the parsed request: while the endpoint generates, long-lived objects cost the garbage collector. */
  forgetParsed(): void {
    this.#parsed = undefined
  }

  #read(): ParsedRequest {
    this.#parsed ??= parseShort(this.#call.body, messagesTexts)
    return this.#parsed
  }

  #native(path: string, sentModel: string | undefined, target: RoutedEndpoint): RequestVariant {
    const { body, modelSpan, query } = this.#call
    const isRenamed = modelSpan !== undefined && sentModel !== undefined
    const variant: RequestVariant = {
      path,
      query,
      body: this.#fitted(isRenamed ? editBody(body, [valueEdit(modelSpan, sentModel)]) : body, target),
      mode: 'passthrough',
      answer: (head) =>
        head.statusCode >= 400
          ? this.#error(head, () => this.#size(target))
          : this.#nativeMessage(head, sentModel),
      onRefusal: (head, refusal) => this.#translatedFallback(head.statusCode, refusal, target, variant),
    }
    return variant
  }

  /** A server may answer a streaming request with a whole message. */
  #nativeMessage(head: UpstreamHead, sentModel: string | undefined): AnswerVariant | undefined {
    const isWhole = framingOf(headerValue(head.headers, 'content-type')) === 'json'
    if (!this.#call.isStream || !isWhole || isEncoded(head)) return undefined
    const isRenamed = this.#options.renameAnswers && sentModel !== undefined
    return {
      statusCode: 200,
      detectsEnding: true,
      headers: eventHeaders,
      transforms: [new WholeMessageEvents(this.#call.requestId, isRenamed ? this.#call.model : undefined)],
    }
  }

  /** The translated request, if the endpoint turns out not to support the API, or not all of it. */
  #translatedFallback(
    statusCode: number,
    refusal: Buffer,
    target: RoutedEndpoint,
    native: RequestVariant,
  ): RequestVariant | undefined {
    const fitted =
      this.#options.fitsMaxTokens === true ? this.#fittedByRefusal(refusal, this.#size(target)) : undefined
    if (fitted !== undefined) {
      const { onRefusal, ...variant } = native
      const { body } = variant
      return Buffer.isBuffer(body) ? { ...variant, body: withMaxTokens(body, fitted) } : undefined
    }
    const isPath = statusCode === 404 || statusCode === 405 || statusCode === 501
    if (!isPath && !refusesField(statusCode, refusal)) return undefined
    try {
      const chat = this.#chat(target)
      this.#mode = 'translation'
      return isPath ? onAccepted(chat, () => messagesRefusals.add(target.endpoint)) : chat
    } catch {
      // A request that cannot be translated keeps the native answer.
      return undefined
    }
  }

  /** If configured: limits `max_tokens` to what the model's context leaves. */
  #fitted(body: Buffer, target: RoutedEndpoint): Buffer {
    if (this.#options.fitsMaxTokens !== true || target.abilities?.contextLength === undefined) return body
    const { maxTokens, promptTokens = 0, limitTokens } = this.#size(target)
    return withMaxTokens(body, fittedByEstimate(maxTokens, promptTokens, limitTokens))
  }

  /** If configured: `max_tokens` that fits, by the numbers in the endpoint's refusal. */
  #fittedByRefusal(refusal: Buffer, { maxTokens, promptTokens = 0 }: RequestSize): number | undefined {
    return this.#options.fitsMaxTokens === true
      ? fittedByRefusal(maxTokens, promptTokens, refusal.toString('utf8'))
      : undefined
  }

  #fittedChat(
    chat: JsonObject,
    promptTokens: number,
    limitTokens: number | undefined,
    allowedTokens: number | undefined,
  ): JsonObject {
    if (allowedTokens !== undefined) return { ...chat, max_tokens: allowedTokens }
    if (this.#options.fitsMaxTokens !== true || limitTokens === undefined) return chat
    const fitted = fittedByEstimate(numberField(chat, 'max_tokens'), promptTokens, limitTokens)
    return fitted === undefined ? chat : { ...chat, max_tokens: fitted }
  }

  #chat(target: RoutedEndpoint, how: ChatForm = {}): RequestVariant {
    return shortOrFull(this.#call.body, this.#read(), (parsed) => this.#writtenChat(parsed, target, how))
  }

  #writtenChat({ request, texts }: ParsedRequest, target: RoutedEndpoint, how: ChatForm): RequestVariant {
    const { endpoint, nativeModel = this.#call.model, abilities } = target
    const { reasoningFields, streams } = this.#options
    const profileTraits = endpoint.profile?.chat ?? plainChat
    const learned = reasoningFields?.get(endpoint.slot)
    const traits = learned === undefined ? profileTraits : { ...profileTraits, reasoningField: learned }
    const endpointMark = fingerprint(endpoint.name)
    const conversation = readMessages(request)
    const isStreamed =
      !this.#call.isStream && how.requestsStream !== false && streams?.asks(target, traits.path) === true
    const asked = isStreamed ? { ...conversation, isStream: true } : conversation
    const written = writeChatRequest(asked, {
      model: nativeModel,
      traits: {
        ...traits,
        endpointMark,
        isThinker: isThinker(nativeModel, abilities?.capabilities),
      },
    })
    const promptTokens = roughTokens(written.body, texts)
    const chat = this.#fittedChat(written.body, promptTokens, abilities?.contextLength, how.maxTokens)
    const expected = this.#expected(
      conversation,
      written,
      target,
      profileTraits.reasoningField,
      endpointMark,
      promptTokens,
      isStreamed,
    )
    const isUsageRequested =
      chat.stream_options !== undefined && how.requestsUsage !== false && !streamOptionsRefusals.has(endpoint)
    const mayLower = this.#options.fitsMaxTokens === true && how.maxTokens === undefined
    const body = this.#chatBody(isUsageRequested ? chat : withoutUsage(chat), texts)
    this.#call.onTranslated?.(toChat)
    this.#call.onStreamed?.(isStreamed)
    return {
      path: traits.path,
      query: '',
      body,
      headers: [
        'Content-Type',
        'application/json',
        'Accept',
        asked.isStream ? 'text/event-stream' : 'application/json',
      ],
      answer: (head) =>
        head.statusCode >= 400 ? this.#error(head, () => expected) : this.#message(head, expected),
      ...(isUsageRequested || mayLower || isStreamed
        ? {
            onRefusal: (head, refusal) => this.#reducedChat(head, refusal, target, expected, how),
          }
        : {}),
    }
  }

  #reducedChat(
    head: UpstreamHead,
    refusal: Buffer,
    target: RoutedEndpoint,
    size: ExpectedMessage,
    how: ChatForm,
  ): RequestVariant | undefined {
    const maxTokens = how.maxTokens === undefined ? this.#fittedByRefusal(refusal, size) : undefined
    if (maxTokens !== undefined) {
      return this.#chat(target, { ...how, maxTokens })
    }
    if (size.isStreamed) {
      const { path } = target.endpoint.profile?.chat ?? plainChat
      const whole = () => this.#chat(target, { ...how, requestsStream: false })
      return wholeInstead(this.#options.streams, target, path, head, refusal, whole)
    }
    if (
      how.requestsUsage === false ||
      !this.#call.isStream ||
      !mayRefuseStreamOptions(head.statusCode, refusal)
    )
      return undefined
    const chat = this.#chat(target, { ...how, requestsUsage: false })
    return onAccepted(chat, () => streamOptionsRefusals.add(target.endpoint))
  }

  /** A translation is about as large as the request, so one that has grown far beyond it is refused. */
  #chatBody(chat: JsonObject, texts: ParsedRequest['texts']): BodyBytes {
    const body = writeBody(chat, texts)
    if (bytesOf(body) > maxGrowth * this.#call.body.length + spareBytes) {
      throw new GatewayError('payload_too_large', 'The translated request would be too large')
    }
    return body
  }

  /** The size of a passthrough request, computed only if the endpoint reports that it is too large. */
  #size({ abilities }: RoutedEndpoint): RequestSize {
    const limitTokens = abilities?.contextLength
    try {
      const { request, texts } = parseShort(this.#call.body, messagesTexts)
      const { body } = writeChatRequest(readMessages(request), { model: this.#call.model, traits: plainChat })
      const promptTokens = roughTokens(body, texts)
      return { maxTokens: numberField(request, 'max_tokens'), promptTokens, limitTokens }
    } catch {
      // The endpoint may accept a request that cannot be translated.
      return { limitTokens }
    }
  }

  #message(head: UpstreamHead, expected: ExpectedMessage): AnswerVariant | GatheredAnswer {
    if (isEncoded(head)) return ErrorAnswer.unreadable(this.#call.requestId)
    const from = framingOf(headerValue(head.headers, 'content-type')) === 'sse' ? 'sse' : 'whole'
    const { isStream, requestId } = this.#call
    const call = { messageId: expected.messageId, requestId, size: expected }
    const writer = messageWriter(call, isStream, expected.putsTextFirst)
    const translation = translateAnswer(from, chatAnswers, writer, expected, !isStream)
    if (!isStream) return tapped(new GatheredTranslation(translation, expected.isStreamed), this.#tap)
    return {
      statusCode: 200,
      detectsEnding: true,
      headers: eventHeaders,
      transforms: this.#tap === undefined ? [translation] : [translation, tapTransform(this.#tap)],
    }
  }

  #expected(
    { turns, settings }: Conversation,
    { toolNames, originalNames }: WrittenRequest,
    { endpoint, nativeModel = this.#call.model, abilities }: RoutedEndpoint,
    reasoningField: ChatTraits['reasoningField'],
    endpointMark: string,
    promptTokens: number,
    isStreamed: boolean,
  ): ExpectedMessage {
    const { renameAnswers, newId } = this.#options
    const isThinkingOn = settings.thinking?.isOn
    return {
      isStreamed,
      messageId: newId('msg'),
      model: this.#call.model,
      keepsModel: !renameAnswers,
      stopSequences: settings.stop ?? [],
      dropsThinking: isThinkingOn === false,
      putsTextFirst: isThinkingOn === undefined,
      promptTokens,
      maxTokens: settings.maxTokens,
      limitTokens: abilities?.contextLength,
      newCallId: () => newId('toolu'),
      callIds: callIdsIn(turns),
      toolNames,
      originalNames,
      reasoningField,
      endpointMark,
      learnReasoningField: (field) => this.#options.reasoningFields?.set(endpoint.slot, field),
      thoughts: this.#options.openThoughts?.of(endpoint.slot, nativeModel),
    }
  }

  #error(head: UpstreamHead, size: () => RequestSize): GatheredAnswer {
    return tapped(new ErrorAnswer(head.statusCode, this.#call.requestId, size), this.#tap)
  }
}
