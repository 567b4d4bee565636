import { answerFormOf } from '../../dialects/answers/form-finder.ts'
import { ModelRename } from '../../dialects/answers/model-rename.ts'
import { StreamWatch } from '../../dialects/answers/stream-ending.ts'
import type { Dialect } from '../../dialects/contract/dialect.ts'
import { errorFormOf } from '../../dialects/requests/error-form.ts'
import type { GatheredAnswer, RequestVariant, WholeAnswer } from '../../dialects/variants/request-variant.ts'
import type { Endpoint } from '../../endpoints/registry/endpoint.ts'
import { PairList } from '../../http/headers/pair-list.ts'
import {
  framingIn,
  headerValue,
  type UpstreamHead,
  withHeaders,
  withoutHeader,
} from '../../http/headers/response-headers.ts'
import type { AnswerTransform } from '../../kernel/stream/answer-transform.ts'
import type { RoutedEndpoint } from '../../routing/models/router.ts'
import type { ReceivedRequest, RequestProgress, RequestRoute } from '../contract/context.ts'
import { headerText } from '../request/request-headers.ts'
import { clientHeaders, type HeaderScope } from './client-headers.ts'
import { DialectErrorAnswer } from './dialect-error-answer.ts'

/** An answer as the client gets it: the head, and the transforms of the body. */
export interface AnswerPlan {
  readonly head: UpstreamHead
  readonly transforms: readonly AnswerTransform[]
  /** Buffers the whole body first. */
  readonly gathered?: GatheredAnswer
  /** Detects the end of a stream. */
  readonly watch?: StreamWatch | undefined
  /** Whether an endpoint's stream is translated, so that nothing else detects its end. */
  readonly translatesStream?: boolean
}

/** The parts of a client's request that its answer depends on. */
export interface AnswerContext {
  readonly method: string
  readonly path: string
  readonly dialect: Dialect
  readonly requestId: string
  /** The client's name for the model; undefined if answers keep the endpoint's name. */
  readonly requestedModel: string | undefined
}

const noTransforms: readonly AnswerTransform[] = []

/** Decides how an answer is converted: as its variant says, otherwise the model gets the client's name. */
export function planAnswer(
  head: UpstreamHead,
  target: RoutedEndpoint,
  variant: RequestVariant | undefined,
  context: AnswerContext,
): AnswerPlan {
  const { method, path, requestedModel } = context
  const changes = variant?.answer?.(head) ?? errorAnswer(head, context, errorPath(variant, path))
  if (changes !== undefined && 'push' in changes) return { head, transforms: noTransforms, gathered: changes }
  const rename =
    changes === undefined ? renameFor(target, requestedModel, head, variant?.path ?? path) : undefined
  const watch = changes?.detectsEnding === true ? undefined : watchFor(head, method, variant?.path ?? path)
  if (rename === undefined && changes === undefined) {
    return { head: watch === undefined ? head : withoutLength(head), transforms: noTransforms, watch }
  }
  const keepsLength = changes?.keepsBytes === true && watch === undefined
  const headers = keepsLength ? head.headers : withoutHeader(head.headers, 'content-length')
  return {
    head: {
      statusCode: changes?.statusCode ?? head.statusCode,
      headers: changes?.headers === undefined ? headers : withHeaders(headers, changes.headers),
    },
    transforms: changes?.transforms ?? (rename === undefined ? noTransforms : [rename]),
    watch,
    translatesStream: changes?.detectsEnding === true && isStream(head),
  }
}

function isStream({ headers }: UpstreamHead): boolean {
  const framing = framingIn(headers)
  return framing === 'sse' || framing === 'ndjson'
}

/** The gateway may add an event to the end of a watched stream. */
function withoutLength(head: UpstreamHead): UpstreamHead {
  if (headerValue(head.headers, 'content-length') === undefined) return head
  return { statusCode: head.statusCode, headers: withoutHeader(head.headers, 'content-length') }
}

function watchFor(
  { statusCode, headers }: UpstreamHead,
  method: string,
  path: string,
): StreamWatch | undefined {
  if (statusCode >= 300) return undefined
  const framing = framingIn(headers)
  if ((framing !== 'sse' && framing !== 'ndjson') || headerValue(headers, 'content-encoding') !== undefined) {
    return undefined
  }
  const stream = answerFormOf(method, path)?.stream
  return stream === undefined ? undefined : new StreamWatch(stream)
}

/** The error of a translated request is that of the client's operation, whatever the endpoint's was. */
function errorPath(variant: RequestVariant | undefined, path: string): string {
  return variant === undefined || variant.mode === 'translated' ? path : variant.path
}

/** Errors of known operations are converted to the client's dialect. */
function errorAnswer(
  { statusCode, headers }: UpstreamHead,
  { dialect, method, requestId }: AnswerContext,
  path: string,
): DialectErrorAnswer | undefined {
  // An error that is a stream may last.
  if (statusCode < 400 || framingIn(headers) === 'sse') return undefined
  const form = errorFormOf(method, path)
  if (form === undefined) return undefined
  const encoding = headerValue(headers, 'content-encoding')
  return new DialectErrorAnswer({ dialect, form, statusCode, path, requestId, encoding })
}

/** The head of a buffered body. */
export function wholeHead(head: UpstreamHead, { statusCode, headers, body }: WholeAnswer): UpstreamHead {
  const own = [...headers, 'Content-Length', String(body.length)]
  return { statusCode, headers: withHeaders(head.headers, own, 'content-encoding') }
}

/** The headers of a stream that starts before an endpoint has answered. */
export function earlyHeaders(
  headers: readonly string[],
  { headers: own }: Pick<RequestRoute, 'headers'>,
  set: AnswerOrigin['set'],
): string[] {
  const early = new PairList(own.length + headers.length + addedByGateway)
  early.addAll(own)
  addSet(early, set)
  early.addAll(headers)
  early.add('X-Accel-Buffering', 'no')
  return early.end()
}

/** The parts of a request that its answer's headers report. */
export type AnsweredRequest = Pick<ReceivedRequest, 'url' | 'rawHeaders'> &
  Pick<RequestRoute, 'headers'> &
  Pick<RequestProgress, 'firstByteMs' | 'overheadMs' | 'attemptCount' | 'hedge'> & {
    readonly wantsOverhead: boolean
  }

/** What the gateway's own headers report about an answer (contract 1.7). */
export interface AnswerOrigin extends HeaderScope {
  readonly client: AnsweredRequest
  readonly endpoint: Endpoint
  /** `X-Olla-Mode`. */
  readonly mode: string | undefined
  readonly isStream: boolean
  readonly version: string
  /** Headers set on the reply earlier: request ID, limits, CORS. */
  readonly set: Readonly<Record<string, number | string | readonly string[] | undefined>>
}

/** The complete flat header list of a relayed answer. */
export function answerHeaders(head: UpstreamHead, origin: AnswerOrigin): string[] {
  const { client, endpoint, version } = origin
  const headers = new PairList(client.headers.length + addedByGateway + head.headers.length)
  addOwn(headers, origin)
  return clientHeaders(headers, head.headers, endpoint.secretHeaderNames, version, origin)
}

/**
 * Renames the model in an answer to the client's name for it, if another name was sent and the answer is readable.
 * @param asked the client's name for the model
 * @param path path at the endpoint
 */
export function renameFor(
  { sentModel }: RoutedEndpoint,
  requestedModel: string | undefined,
  { headers }: UpstreamHead,
  path: string,
): ModelRename | undefined {
  if (sentModel === undefined || requestedModel === undefined) return undefined
  if (headerValue(headers, 'content-encoding') !== undefined) return undefined
  const framing = framingIn(headers)
  const form = answerFormOf('POST', path)
  const isReadable = framing === 'json' || framing === 'sse' || framing === 'ndjson'
  // Some Ollama servers send JSON typed as text (ollama/ollama#12879).
  if (!isReadable && (form === undefined || (framing !== 'text' && framing !== 'none'))) return undefined
  return new ModelRename(requestedModel, framing, form?.modelHolder)
}

/** Names and values that the gateway usually adds at most, `Via` among them. */
const addedByGateway = 14

function addOwn(
  own: PairList,
  { client: context, endpoint, mode, isStream, version, set }: AnswerOrigin,
): void {
  own.addAll(context.headers)
  addSet(own, set)
  own.add('X-Olla-Endpoint', headerText(endpoint.name))
  own.add('X-Olla-Backend-Type', endpoint.type)
  own.add('X-Olla-Response-Time', `${Math.round(context.firstByteMs ?? 0)}ms`)
  if (context.wantsOverhead && context.overheadMs !== undefined)
    own.add('X-Olla-Overhead', `${context.overheadMs.toFixed(3)}ms`)
  own.add('X-Served-By', `Olla/${version}`)
  if (context.attemptCount > 1) {
    own.add('X-Olla-Attempts', String(context.attemptCount))
    if (context.hedge !== undefined) own.add('X-Olla-Hedge', context.hedge.result)
  }
  if (mode !== undefined) own.add('X-Olla-Mode', mode)
  // Keeps buffering proxies in front of the gateway from holding back tokens.
  if (isStream) own.add('X-Accel-Buffering', 'no')
}

function addSet(pairs: PairList, set: AnswerOrigin['set']): void {
  for (const name in set) {
    const value = set[name]
    if (typeof value === 'string') pairs.add(name, value)
    else if (typeof value === 'number') pairs.add(name, String(value))
    else if (value !== undefined) for (const each of value) pairs.add(name, each)
  }
}
