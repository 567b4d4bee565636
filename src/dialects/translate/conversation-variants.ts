import { type ChatTraits, plainChat } from '../../endpoints/profiles/chat-shape.ts'
import { framingOf } from '../../http/headers/media-type.ts'
import { headerValue, type UpstreamHead } from '../../http/headers/response-headers.ts'
import { GatewayError } from '../../kernel/errors.ts'
import type { JsonObject } from '../../kernel/json/json-fields.ts'
import { bytesOf } from '../../kernel/memory/body-bytes.ts'
import type { RoutedEndpoint } from '../../routing/models/routing.ts'
import { mayRefuseStreamOptions, streamOptionsRefusals } from '../errors/refusals.ts'
import type { Expected } from '../hub/answer/answer-builder.ts'
import { translateAnswer } from '../hub/answer/answer-translation.ts'
import { GatheredTranslation } from '../hub/answer/gathered-answer.ts'
import { callIdsIn } from '../hub/calls/call-ids.ts'
import type { Conversation } from '../hub/contract/conversation.ts'
import { type Feature, refusedFeatures } from '../hub/contract/features.ts'
import type { Format, FormatCall, WrittenRequest } from '../hub/format.ts'
import type { OpenThoughts } from '../hub/parts/open-thoughts.ts'
import { fingerprint, type ReasoningField } from '../hub/parts/reasoning-signature.ts'
import {
  type ParsedRequest,
  parseRequest,
  parseShort,
  shortOrFull,
  writeBody,
} from '../hub/parts/request-body.ts'
import { isThinker } from '../hub/parts/thinkers.ts'
import { refusedAnswer } from '../hub/refused-answer.ts'
import type { AnswerVariant, GatheredAnswer, RequestVariant } from '../variants/request-variant.ts'
import { checkedVariant } from './checked-variant.ts'
import { isEncoded, unreadable } from './encoded-answer.ts'
import { limitedFeatures, unsupportedFeatures } from './limitations.ts'
import { onAccepted } from './on-accepted.ts'
import { lacksPath, ownRequest } from './own-request.ts'
import { type AnswerStores, mayChangePassed, passedRequest } from './passed-request.ts'
import { asksForText } from './plain-prompts.ts'
import type { ConversationCall } from './request-translation.ts'
import { pathAt, type TranslationPlan } from './translation-plan.ts'
import { type UpstreamStreams, wholeInstead } from './upstream-stream.ts'
import { withoutUsage } from './without-usage.ts'

/** What all translations share. */
export interface TranslationParts {
  readonly plan: TranslationPlan
  /** Whether features that an API cannot express are dropped instead of refused. */
  readonly dropsUnsupported: boolean
  /** Whether answers contain the client's name for the model. */
  readonly renameAnswers: boolean
  readonly newId: (prefix: string) => string
  readonly nowMs: () => number
  readonly monotonicMs: () => number
  /** The field in which each endpoint sends thinking, by slot. Answers fill it in. */
  readonly reasoningFields: Map<number, ReasoningField>
  /** Models whose answers start inside a thought. Answers fill it in. */
  readonly openThoughts: OpenThoughts
  /** Records that an endpoint lacks a path. */
  learnMissing(target: RoutedEndpoint, path: string): void
  /** Endpoints that are asked for streams which clients did not request; undefined if none are. */
  readonly streams?: UpstreamStreams
  /** Where answers are stored; undefined if none are. */
  readonly stores?: AnswerStores | undefined
}

/** A translated body may be this many times as large as the request, plus `spareBytes`. */
const maxGrowth = 4
const spareBytes = 1_048_576
const bytesPerToken = 4
const noHeaders: readonly string[] = []
const noFeatures: readonly Feature[] = []

/**
 * One client's request in the form that each endpoint accepts: unchanged if the endpoint has the client's API, else
 * translated. Each attempt decides separately, so failover can cross between APIs in both directions.
 */
export class ConversationVariants {
  readonly #call: ConversationCall
  readonly #parts: TranslationParts

  constructor(call: ConversationCall, parts: TranslationParts) {
    this.#call = call
    this.#parts = parts
  }

  /**
   * @returns undefined if the endpoint is known to have nothing better than the client's own request
   * @throws GatewayError invalid_request if the request cannot be translated for this endpoint
   */
  of(target: RoutedEndpoint): RequestVariant | undefined {
    const { plan } = this.#parts
    const { format } = this.#call
    const { speaks, targets } = plan.route(format, target)
    const isOwn = speaks === true || (speaks === undefined && plan.maySpeak(format, target))
    const unsupported = isOwn ? this.#unsupported(target) : []
    if (targets.length === 0) {
      if (unsupported.length > 0 && !this.#parts.dropsUnsupported) throw withoutApi(unsupported)
      if (!isOwn || !mayChangePassed(this.#call, target, this.#parts)) return undefined
    }
    const translated = () => this.#translated(target, targets)
    if (!isOwn || (unsupported.length > 0 && targets.length > 0)) return translated()
    const { path } = this.#call
    const own = ownRequest(this.#call, target, () => this.#parts.learnMissing(target, path), translated)
    return passedRequest(own, this.#call, target, this.#parts)
  }

  /** Features of the request that the endpoint's own route for it does not support. */
  #unsupported(target: RoutedEndpoint): readonly Feature[] {
    const { format, body } = this.#call
    const { names, version } = this.#parts.plan.limitations(format, target)
    if (names.length === 0) return noFeatures
    try {
      return unsupportedFeatures(names, version, body, () => format.readRequest(parseRequest(body)))
    } catch {
      // The endpoint says itself what is wrong with a request that cannot be read.
      return noFeatures
    }
  }

  /** Without decoding the long texts if possible, else in full. */
  #translated(target: RoutedEndpoint, targets: readonly Format[], how: AskedForm = {}): RequestVariant {
    const { body, format } = this.#call
    const short = parseShort(body, format.longTexts)
    return shortOrFull(body, short, (parsed) => this.#written(parsed, target, targets, how))
  }

  #written(
    { request, texts }: ParsedRequest,
    target: RoutedEndpoint,
    targets: readonly Format[],
    how: AskedForm,
  ): RequestVariant {
    const whole = this.#call.format.immediateAnswer?.(request, this.#call.model, this.#parts.nowMs())
    if (whole !== undefined) return checkedVariant(target.endpoint.profile, whole)
    const conversation = this.#call.format.readRequest(request)
    const { to, dropped } = this.#choose(conversation, targets, target)
    const { endpoint, nativeModel = this.#call.model, abilities } = target
    const { format, body } = this.#call
    const { streams } = this.#parts
    const path = pathAt(endpoint.profile, to)
    const isStreamed =
      !conversation.isStream &&
      how.asksStream !== false &&
      streams?.asks(target, path) === true &&
      this.#mayStream(conversation, to, target)
    const asked = isStreamed ? { ...conversation, isStream: true } : conversation
    const written = to.writeRequest(asked, {
      model: nativeModel,
      traits: this.#traits(target, nativeModel, abilities?.capabilities),
      contextTokens: abilities?.contextLength,
      lengthOf: texts && ((text) => texts.lengthOf(text)),
    })
    const isUsageAsked =
      written.body.stream_options !== undefined &&
      how.asksUsage !== false &&
      !streamOptionsRefusals.has(endpoint)
    const sent = writeBody(isUsageAsked ? written.body : withoutUsage(written.body), texts)
    const sentBytes = bytesOf(sent)
    if (sentBytes > maxGrowth * body.length + spareBytes)
      throw new GatewayError('payload_too_large', 'The translated request would be too large')
    this.#call.onTranslated({ from: format.name, to: to.name, dropped })
    this.#call.onStreamed?.(isStreamed)
    const untranslatable: Untranslatable = { error: undefined }
    const answer = {
      to,
      conversation,
      written,
      target,
      isStreamed,
      request: this.#call.original ?? request,
      promptTokens: Math.ceil(sentBytes / bytesPerToken),
    }
    return {
      path,
      query: '',
      body: sent,
      mode: 'translated',
      headers: [
        'Content-Type',
        'application/json',
        'Accept',
        !asked.isStream
          ? 'application/json'
          : to.framing === 'sse'
            ? 'text/event-stream'
            : 'application/x-ndjson',
        ...(to.requestHeaders ?? noHeaders),
      ],
      answer: (head) => this.#answer(head, answer),
      untranslatable,
      onRefusal: (head, refusal) => {
        if (lacksPath(path, head, refusal)) return this.#elsewhere(path, target, targets, to, untranslatable)
        return isUsageAsked || isStreamed
          ? this.#reduced(head, refusal, path, target, targets, isStreamed)
          : undefined
      },
    }
  }

  /** The request in the next format, if the endpoint turns out to lack the path of this one. */
  #elsewhere(
    path: string,
    target: RoutedEndpoint,
    targets: readonly Format[],
    without: Format,
    untranslatable: Untranslatable,
  ): RequestVariant | undefined {
    this.#parts.learnMissing(target, path)
    const others = targets.filter((format) => format !== without)
    if (others.length === 0) return undefined
    try {
      return this.#translated(target, others)
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      untranslatable.error = error
      return undefined
    }
  }

  /** The request without what the gateway adds to it and the endpoint refuses. */
  #reduced(
    head: UpstreamHead,
    refusal: Buffer,
    path: string,
    target: RoutedEndpoint,
    targets: readonly Format[],
    isStreamed: boolean,
  ): RequestVariant | undefined {
    if (isStreamed) {
      const whole = () => this.#translated(target, targets, { asksStream: false })
      return wholeInstead(this.#parts.streams, target, path, head, refusal, whole)
    }
    if (!mayRefuseStreamOptions(head.statusCode, refusal)) return undefined
    const variant = this.#translated(target, targets, { asksUsage: false })
    return onAccepted(variant, () => streamOptionsRefusals.add(target.endpoint))
  }

  /** Whether a stream of the endpoint's route shows all that a whole answer has. */
  #mayStream(conversation: Conversation, to: Format, target: RoutedEndpoint): boolean {
    const { names, version } = this.#parts.plan.limitations(to, target)
    return limitedFeatures(names, version, { ...conversation, isStream: true }).length === 0
  }

  /** The first format that can express the whole request; a plain prompt only if there is no other. */
  #choose(
    conversation: Conversation,
    targets: readonly Format[],
    target: RoutedEndpoint,
  ): { readonly to: Format; readonly dropped: readonly Feature[] } {
    let best: { to: Format; dropped: readonly Feature[] } | undefined
    const isChat = !asksForText(conversation)
    for (const to of targets) {
      if (isChat && to.isPlain === true && best !== undefined) break
      const { names, version } = this.#parts.plan.limitations(to, target)
      const dropped = [
        ...refusedFeatures(conversation.uses, to.fates),
        ...limitedFeatures(names, version, conversation),
      ]
      if (dropped.length === 0) return { to, dropped }
      if (best === undefined || dropped.length < best.dropped.length) best = { to, dropped }
    }
    if (best === undefined) throw new GatewayError('path_not_served')
    if (this.#parts.dropsUnsupported) return best
    throw withoutApi(best.dropped)
  }

  #traits(target: RoutedEndpoint, model: string, capabilities: readonly string[] | undefined): ChatTraits {
    const { endpoint } = target
    const traits = endpoint.profile?.chat ?? plainChat
    const reasoningField = this.#parts.reasoningFields.get(endpoint.slot) ?? traits.reasoningField
    return {
      ...traits,
      reasoningField,
      endpointMark: fingerprint(endpoint.name),
      isThinker: isThinker(model, capabilities),
    }
  }

  #answer(head: UpstreamHead, answer: TranslatedAnswer): AnswerVariant | GatheredAnswer | undefined {
    const { format, requestId, startedMs } = this.#call
    const { to, conversation, request } = answer
    const { newId, nowMs, monotonicMs } = this.#parts
    const { isStream } = conversation
    const call: FormatCall = {
      store: this.#store(answer),
      conversation,
      request,
      requestId,
      isStream,
      newId,
      startedMs,
      nowMs,
      monotonicMs,
    }
    if (head.statusCode >= 400) {
      return isEncoded(head) ? undefined : refusedAnswer(head.statusCode, format, call)
    }
    if (isEncoded(head)) return unreadable(format.writeAnswer({ ...call, isStream: false }))
    const writer = format.writeAnswer(call)
    const framing = framingOf(headerValue(head.headers, 'content-type'))
    const from =
      framing === 'sse' || framing === 'ndjson'
        ? framing
        : to.framing === 'ndjson' && isStream
          ? 'ndjson'
          : 'whole'
    const translation = translateAnswer(from, to, writer, this.#expected(answer), !isStream)
    if (!isStream) return new GatheredTranslation(translation, answer.isStreamed)
    return {
      statusCode: 200,
      detectsEnding: true,
      headers: ['Content-Type', format.streamType, 'Cache-Control', 'no-cache'],
      transforms: [translation],
    }
  }

  #store({ request }: TranslatedAnswer): FormatCall['store'] {
    const { format, body, caller, original } = this.#call
    return this.#parts.stores?.storeFor(format, request, caller, original === undefined ? body : undefined)
  }

  #expected({ conversation, written, target, promptTokens }: TranslatedAnswer): Expected {
    const { endpoint, nativeModel = this.#call.model } = target
    const { renameAnswers, newId, reasoningFields, openThoughts } = this.#parts
    const { callIdPrefix } = this.#call.format
    return {
      model: this.#call.model,
      keepsModel: !renameAnswers,
      stopSequences: conversation.settings.stop ?? [],
      maxTokens: conversation.settings.maxTokens,
      dropsThinking: conversation.settings.thinking?.isOn === false,
      hasRefusals: this.#call.format.hasRefusals === true,
      promptTokens,
      newCallId: () => newId(callIdPrefix),
      callIds: callIdsIn(conversation.turns),
      toolNames: written.toolNames,
      originalNames: written.originalNames,
      reasoningField: endpoint.profile?.chat.reasoningField ?? 'none',
      endpointMark: fingerprint(endpoint.name),
      learnReasoningField: (field) => reasoningFields.set(endpoint.slot, field),
      thoughts: openThoughts.of(endpoint.slot, nativeModel),
    }
  }
}

type Untranslatable = NonNullable<RequestVariant['untranslatable']>

/** What an endpoint has refused of what the gateway adds to a translated request. */
interface AskedForm {
  readonly asksUsage?: boolean
  readonly asksStream?: boolean
}

function withoutApi(features: readonly Feature[]): GatewayError {
  const names = [...new Set(features)].join(', ')
  return new GatewayError(
    'invalid_request',
    `The endpoints with this model have no API that supports: ${names}`,
  )
}

/** What translating the answer of one attempt requires. */
interface TranslatedAnswer {
  readonly to: Format
  readonly conversation: Conversation
  readonly written: WrittenRequest
  readonly target: RoutedEndpoint
  /** Whether the endpoint is asked for a stream that the client did not request. */
  readonly isStreamed: boolean
  /** Marks may stand for its long texts. */
  readonly request: JsonObject
  /** An estimate. */
  readonly promptTokens: number
}
