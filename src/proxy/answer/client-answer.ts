import type { ServerResponse } from 'node:http'
import type { SectionOptions } from '../../config/options/sections.ts'
import { errorEvent } from '../../dialects/answers/error-event.ts'
import { answerFormOf } from '../../dialects/answers/form-finder.ts'
import type { StreamEnding, StreamWatch } from '../../dialects/answers/stream-ending.ts'
import type { GatheredAnswer, RequestVariant, WholeAnswer } from '../../dialects/variants/request-variant.ts'
import type { AttemptFailure } from '../../endpoints/connections/failure.ts'
import { framingIn, headerValue, type UpstreamHead } from '../../http/headers/response-headers.ts'
import type { Clock } from '../../kernel/clock.ts'
import { GatewayError } from '../../kernel/errors.ts'
import type { BufferBudget } from '../../kernel/memory/buffer-budget.ts'
import { holdGathered } from '../../kernel/memory/request-memory.ts'
import type { AnswerTransform } from '../../kernel/stream/answer-transform.ts'
import type { RoutedEndpoint } from '../../routing/models/routing.ts'
import type { ObserveAnswer, RelayObserver } from '../contract/answer-observer.ts'
import type { ClientReply } from '../contract/client-reply.ts'
import type { ExchangeRequest, KeepAlive } from '../contract/exchange-request.ts'
import { outcomeOfStatus, type RequestOutcome } from '../contract/outcome.ts'
import { ownTimeMs } from '../request/own-time.ts'
import { type AnswerPlan, answerHeaders, earlyHeaders, planAnswer, wholeHead } from './answer-head.ts'
import { ClientRelay, streamFormat } from './client-relay.ts'
import { Heartbeat } from './heartbeat.ts'

/** Services that answering a client uses. */
export interface AnswerServices {
  readonly clock: Clock
  readonly options: Pick<SectionOptions<'model_registry'>, 'rewriteResponseModel'> & {
    /** Version of the gateway, for `Via` and similar headers. */
    readonly version: string
    /** Whether the gateway itself decides which origins are allowed: it drops the CORS headers of endpoints. */
    readonly answersCors: boolean
    /** Size up to which chunks of this content type are joined; 0 sends each at once. */
    gatherBytes(contentType: string | undefined): number
  }
  /** Accounts for memory held in addition to bodies; undefined counts nothing. */
  readonly budget?: BufferBudget | undefined
  readonly observe?: ObserveAnswer | undefined
  /** Learns which endpoints stream; undefined if that does not matter. */
  readonly streams?: { ended(target: RoutedEndpoint, path: string): void } | undefined
}

/** The part of an attempt that its answer depends on. */
export interface AnsweringAttempt {
  readonly target: RoutedEndpoint
  readonly variant: RequestVariant | undefined
  /** Target of the endpoint's redirect. */
  readonly redirected: { readonly path: string } | undefined
  /** When the first byte of its answer arrived; monotonic milliseconds. */
  readonly answeredMs: number | undefined
  /** Frees the body that was made for it. */
  dropBody(): void
}

/** The answer to one client: an endpoint's answer, relayed as it arrives or buffered whole, or an error. */
export class ClientAnswer {
  readonly #services: AnswerServices
  readonly #request: ExchangeRequest
  readonly #reply: ClientReply
  readonly #raw: ServerResponse
  readonly #relay: ClientRelay
  #observer: RelayObserver | undefined
  #watch: StreamWatch | undefined
  /** The transform that may reject the answer or hold back more of it than a chunk. */
  #holder: AnswerTransform | undefined
  #gatheredBytes = 0
  #isTranslatedStream = false
  /** The client has a status line and white space: any JSON may follow. */
  #isPadded = false

  constructor(services: AnswerServices, request: ExchangeRequest, reply: ClientReply) {
    this.#services = services
    this.#request = request
    this.#reply = reply
    this.#raw = reply.raw
    this.#relay = new ClientRelay(reply.raw)
  }

  /** Whether the client has a status line: from then on a failure can only be made visible. */
  get hasBegun(): boolean {
    return this.#raw.headersSent
  }

  /** Whether the client expects a stream, so that a whole answer can only end it. */
  get isInStream(): boolean {
    return this.hasBegun && !this.#isPadded
  }

  get bodyBytes(): number {
    return this.#relay.bodyBytes
  }

  /** Handles the first byte of an endpoint's answer: decides how it is converted and who observes it. */
  plan(attempt: AnsweringAttempt, head: UpstreamHead): AnswerPlan {
    const { context } = this.#request
    const { options, clock, observe } = this.#services
    const { target, variant } = attempt
    if (this.#gatheredBytes > 0) this.#dropGathered()
    const plan = planAnswer(head, target, variant, {
      method: this.#request.method,
      path: this.#request.path,
      dialect: context.dialect,
      requestId: context.id,
      requestedModel: options.rewriteResponseModel ? context.model : undefined,
    })
    // A stream that is continued began before.
    if (this.#watch === undefined) {
      context.firstByteMs = (attempt.answeredMs ?? clock.monotonicMs()) - context.startedAtMs
      context.overheadMs = ownTimeMs(context)
    }
    const path = variant?.path ?? this.#request.path
    this.#observer = observe?.({ context, target, head, path })
    return plan
  }

  /** Writes the head; from here on this attempt provides the answer. */
  begin(
    { target, variant, redirected }: AnsweringAttempt,
    { head, transforms, watch, translatesStream }: AnswerPlan,
    isObserved: boolean,
  ): void {
    this.#watch = watch
    this.#isTranslatedStream = translatesStream === true
    if (transforms.length > 0) this.#holder = transforms.find(({ hasFailed }) => hasFailed !== undefined)
    const { context } = this.#request
    const { options } = this.#services
    const { statusCode, headers } = head
    context.endpoint = target.endpoint.name
    context.status = statusCode
    const contentType = headerValue(headers, 'content-type')
    const format = streamFormat(framingIn(headers))
    context.isStream = format !== 'other'
    const shape = {
      format,
      lengthBytes: lengthOf(headers),
      transforms,
      observer: isObserved ? this.#observer : undefined,
      gatherBytes: options.gatherBytes(contentType),
    }
    if (this.hasBegun) {
      // White space before it was sent besides.
      this.#relay.resume(this.#isPadded ? { ...shape, lengthBytes: undefined, isPadded: true } : shape)
      return
    }
    const clientHeaders = answerHeaders(head, {
      client: context,
      endpoint: target.endpoint,
      mode: variant?.mode ?? this.#request.mode,
      isStream: context.isStream,
      path: redirected?.path ?? variant?.path ?? this.#request.path,
      clientPath: this.#request.path,
      answersCors: options.answersCors,
      version: options.version,
      set: this.#reply.getHeaders(),
    })
    this.#reply.hijack()
    this.#relay.begin(statusCode, clientHeaders, shape)
  }

  /**
   * Accepts the next bytes of a relayed or buffered answer.
   * @returns false if the client is too slow, `over` if no more of the answer is needed, or the error why it cannot be
   *   held any longer
   */
  take(gathered: GatheredAnswer | undefined, chunk: Buffer): boolean | 'over' | GatewayError {
    if (gathered === undefined) {
      this.#watch?.push(chunk)
      const keepsUp = this.#relay.write(chunk)
      const holder = this.#holder
      return holder === undefined
        ? keepsUp
        : (this.#ending(holder, chunk.length, holder.heldBytes) ?? keepsUp)
    }
    this.#observer?.push(chunk)
    gathered.push(chunk)
    const knownBytes = this.#gatheredBytes
    this.#gatheredBytes = gathered.heldBytes ?? knownBytes + chunk.length
    return this.#ending(gathered, this.#gatheredBytes - knownBytes, this.#gatheredBytes) ?? true
  }

  /** Another endpoint answers in place of the one whose answer was being buffered. */
  #dropGathered(): void {
    this.#gatheredBytes = 0
    this.#request.context.memory?.answerIsOver()
  }

  #ending(
    answer: Pick<AnswerTransform & GatheredAnswer, 'isOver' | 'hasFailed'>,
    bytes: number,
    heldBytes = 0,
  ): 'over' | GatewayError | undefined {
    if (answer.isOver === true || answer.hasFailed === true) return 'over'
    return holdGathered(this.#request.context, this.#services.budget, bytes, heldBytes)
  }

  beginWhole(attempt: AnsweringAttempt, head: UpstreamHead, whole: WholeAnswer): void {
    this.begin(attempt, { head: wholeHead(head, whole), transforms: [] }, false)
    this.#relay.write(whole.body)
  }

  /** Ends a started stream with a buffered answer, which can only be a failure. */
  abortWithAnswer({ body }: WholeAnswer): void {
    const { context } = this.#request
    context.error = 'upstream_failed'
    this.#relay.abortWith(() => context.dialect.errors.event('sse', body.toString('utf8')))
  }

  /**
   * The endpoint has completed its answer.
   * @param attempt the one that answered
   * @returns what is wrong with it; undefined if it is complete
   */
  end({ target, variant }: AnsweringAttempt): AttemptFailure | undefined {
    const ending = this.#watch?.end()
    if (ending?.kind === 'missing' || ending?.isVisible === false) {
      this.#relay.release()
      this.abortWith(new GatewayError('upstream_broken', ending.error?.message || earlyEnd))
      return endingFailure(ending)
    }
    this.#relay.end()
    if (ending?.kind !== 'failed' && !this.#relay.hasFailed) {
      if (ending?.kind === 'complete' || this.#isTranslatedStream)
        this.#services.streams?.ended(target, variant?.path ?? this.#request.path)
      return undefined
    }
    this.#request.context.error = 'upstream_broken'
    return endingFailure(ending)
  }

  /** Whether the endpoint ended a stream without its ending. */
  get lacksEnd(): boolean {
    return this.#watch?.end().kind === 'missing'
  }

  /** How a complete answer counts. */
  get outcome(): RequestOutcome {
    return outcomeOfStatus(this.#request.context.status ?? 0)
  }

  /**
   * Starts the keep-alive of the request, if it needs one.
   * @param isDue whether the client could receive an event now
   */
  heartbeat(isDue: () => boolean): Heartbeat | undefined {
    const { keepAlive } = this.#request
    if (keepAlive === undefined) return undefined
    return new Heartbeat(this.#services.clock, keepAlive.intervalMs, () => {
      if (isDue()) this.sendKeepAlive(keepAlive)
    })
  }

  /** After a period of silence: starts a stream if there is none, and sends an event. */
  sendKeepAlive({ headers, event, format = 'sse' }: KeepAlive): void {
    if (this.#raw.destroyed) return
    if (!this.hasBegun) {
      const { context } = this.#request
      context.status = 200
      this.#reply.hijack()
      this.#relay.begin(200, earlyHeaders(headers, context, this.#reply.getHeaders()), {
        format,
        isPadded: format === 'other',
        lengthBytes: undefined,
        transforms: [],
        gatherBytes: 0,
      })
      this.#isPadded = format === 'other'
      if (event.length === 0) this.#relay.flushHead()
    }
    if (event.length > 0) this.#relay.interject(event)
  }

  /** Aborts a started answer so that no client takes it for complete. */
  abortWith(error: GatewayError): void {
    const { context } = this.#request
    context.error = error.code
    const form = answerFormOf('POST', this.#request.path)
    const tail = () => this.#watch?.tail ?? ''
    this.#relay.abortWith((format) => errorEvent(context.dialect, form, format, error, context.id, tail))
  }

  /** Nothing has been sent yet: the error handler will answer, in the client's dialect. */
  refuse(error: GatewayError): RequestOutcome {
    const { context } = this.#request
    context.error = error.code
    context.status = error.statusCode
    if (context.attemptCount > 1) this.#reply.header('X-Olla-Attempts', String(context.attemptCount))
    if (context.hedge !== undefined) this.#reply.header('X-Olla-Hedge', context.hedge.result)
    return outcomeOfStatus(error.statusCode)
  }

  /**
   * Releases the request's body. No attempt needs it again and none is writing it: earlier attempts are over, and their
   * unsent bytes were dropped with their connections.
   */
  releaseBody(attempt: AnsweringAttempt | undefined): void {
    const { heldBody, memory } = this.#request.context
    heldBody?.release()
    attempt?.dropBody()
    memory?.sentIsOver()
  }

  /** Releases everything that is held for the request. */
  over(attempt: AnsweringAttempt | undefined): void {
    const { heldBody, memory } = this.#request.context
    this.releaseBody(attempt)
    heldBody?.over()
    memory?.over()
  }

  /** The request is over and about to be counted. */
  settled(outcome: RequestOutcome): void {
    this.#observer?.end(outcome)
  }
}

export const endedEarly: AttemptFailure = { kind: 'bad_answer', detail: 'ended before it was complete' }
const earlyEnd = 'The endpoint ended its answer before it was complete.'

function endingFailure(ending: StreamEnding | undefined): AttemptFailure {
  if (ending?.kind === 'missing') return endedEarly
  const { error } = ending ?? {}
  return { kind: 'bad_answer', statusCode: error?.statusCode, detail: 'ended in an error' }
}

function lengthOf(headers: readonly string[]): number | undefined {
  const length = headerValue(headers, 'content-length')
  return length === undefined ? undefined : Number(length)
}
