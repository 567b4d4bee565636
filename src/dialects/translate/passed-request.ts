import { framingOf } from '../../http/headers/media-type.ts'
import { headerValue, type UpstreamHead } from '../../http/headers/response-headers.ts'
import type { JsonObject } from '../../kernel/json/json-fields.ts'
import type { AnswerTransform } from '../../kernel/stream/answer-transform.ts'
import type { RoutedEndpoint } from '../../routing/models/routing.ts'
import { ModelRename } from '../answers/model-rename.ts'
import type { Format, FormatCall } from '../hub/format.ts'
import { keptAnswer } from '../openai/responses/answer/kept-answer.ts'
import { passedAnswer } from '../openai/responses/answer/passed-answer.ts'
import { repeatedState } from '../openai/responses/answer/response-shape.ts'
import { unknownPrevious } from '../openai/responses/request/unknown-state.ts'
import { continuedResponse } from '../openai/responses/store/passed-responses.ts'
import type { AnswerVariant, RequestVariant } from '../variants/request-variant.ts'
import { isEncoded } from './encoded-answer.ts'
import { hasBareEvents } from './limitations.ts'
import type { ConversationCall } from './request-translation.ts'
import type { TranslationPlan } from './translation-plan.ts'

/** Each method returns undefined if the answer is not stored. */
export interface AnswerStores {
  /**
   * @param request without its long texts if `body` is given
   * @param body the client's request, to be stored instead
   */
  storeFor(
    format: Format,
    request: JsonObject,
    caller: string | undefined,
    body?: Buffer,
  ): FormatCall['store']
  /** For an answer that passes through, of an endpoint that may keep none. @param body the client's request */
  keepPassed(body: Buffer, caller: string | undefined): FormatCall['store']
}

export interface PassedParts {
  readonly plan: TranslationPlan
  /** Whether answers contain the client's name for the model. */
  readonly renameAnswers: boolean
  readonly nowMs: () => number
  /** Undefined if no answers are stored. */
  readonly stores?: AnswerStores | undefined
}

/** A request that passes through, and the endpoint that gets it. */
interface Passed {
  readonly call: ConversationCall
  readonly target: RoutedEndpoint
  readonly parts: PassedParts
}

/** Whether the answer to a request may change or be stored, although the request passes through. */
export function mayChangePassed(call: ConversationCall, target: RoutedEndpoint, parts: PassedParts): boolean {
  const passed = { call, target, parts }
  return isKeptHere(passed) || isBare(passed)
}

/**
 * Adds what the events of the endpoint's own stream lack, and stores its answer if the request continues what the
 * gateway has stored, or if the endpoint may keep no responses.
 * @throws GatewayError invalid_request if the request continues a response that neither of them has
 */
export function passedRequest(
  own: RequestVariant,
  call: ConversationCall,
  target: RoutedEndpoint,
  parts: PassedParts,
): RequestVariant {
  const passed = { call, target, parts }
  const { original, format, body, caller } = call
  const { stores } = parts
  if (original !== undefined) {
    const store = stores?.storeFor(format, original, caller)
    if (store !== undefined)
      return { ...own, answer: (head) => continuedAnswer(passed, head, original, store) }
  }
  const isKept = original === undefined && isKeptHere(passed)
  if (isKept && target.endpoint.profile?.responses.keeps === 'never') {
    const previous = continuedResponse(body)
    if (previous !== undefined) throw unknownPrevious(previous)
  }
  const store = isKept ? stores?.keepPassed(body, caller) : undefined
  if (store === undefined && !isBare(passed)) return own
  return { ...own, answer: (head) => ownAnswer(passed, head, store) }
}

/** The answer to a request that continues something: names that for the client. */
function continuedAnswer(
  passed: Passed,
  head: UpstreamHead,
  original: NonNullable<ConversationCall['original']>,
  store: NonNullable<FormatCall['store']>,
): AnswerVariant | undefined {
  const { model } = passed.call
  const members = { ...repeatedState(original), ...(passed.parts.renameAnswers ? { model } : {}) }
  const stored = passedAnswer(head, { members, store })?.transforms ?? []
  return variantOf([...mending(passed, head), ...stored])
}

/** The answer to any other request: changes only what it must. */
function ownAnswer(
  passed: Passed,
  head: UpstreamHead,
  store: FormatCall['store'],
): AnswerVariant | undefined {
  const { call, target, parts } = passed
  const mends = mending(passed, head)
  const kept = store && keptAnswer(head, store)
  if (mends.length === 0 && kept === undefined) return undefined
  const framing = framingOf(headerValue(head.headers, 'content-type'))
  const isRenamed = parts.renameAnswers && target.sentModel !== undefined
  const changes = isRenamed ? [...mends, new ModelRename(call.model, framing, 'response')] : mends
  return {
    transforms: kept === undefined ? changes : [...changes, kept],
    keepsBytes: changes.length === 0,
  }
}

function variantOf(transforms: readonly AnswerTransform[]): AnswerVariant | undefined {
  return transforms.length === 0 ? undefined : { transforms }
}

/** What adds to the events of a stream what they lack. */
function mending(passed: Passed, head: UpstreamHead): readonly AnswerTransform[] {
  const { call, parts } = passed
  if (!isPlainStream(head) || !isBare(passed)) return []
  const mend = call.format.mendStream?.(call.model, Math.floor(parts.nowMs() / 1_000))
  return mend === undefined ? [] : [mend]
}

/** Whether the gateway keeps the responses of an endpoint, which may keep none. */
function isKeptHere({ call: { format }, target: { endpoint }, parts: { stores } }: Passed): boolean {
  if (stores === undefined || format.name !== 'responses') return false
  return (endpoint.profile?.responses.keeps ?? 'always') !== 'always'
}

/** Whether the events of the endpoint's own stream lack what clients require. */
function isBare({ call: { format }, target, parts: { plan } }: Passed): boolean {
  if (format.mendStream === undefined) return false
  const { names, version } = plan.limitations(format, target)
  return hasBareEvents(names, version)
}

/** Whether an answer is a stream of events that can be changed. */
function isPlainStream(head: UpstreamHead): boolean {
  const isEvents = framingOf(headerValue(head.headers, 'content-type')) === 'sse'
  return isEvents && head.statusCode < 300 && !isEncoded(head)
}
