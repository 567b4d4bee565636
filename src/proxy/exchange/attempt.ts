import type { GatheredAnswer, RequestVariant } from '../../dialects/variants/request-variant.ts'
import { type AttemptFailure, classifyFailure } from '../../endpoints/connections/failure.ts'
import type { CandidatePermit } from '../../endpoints/resilience/circuit-breakers.ts'
import type { UpstreamHead } from '../../http/headers/response-headers.ts'
import { giveBack } from '../../kernel/memory/give-back.ts'
import type { RoutedEndpoint } from '../../routing/models/router.ts'
import type { AnswerGate } from '../answer/answer-gate.ts'
import { AnswerDecoder, type CodedAnswer, codedAnswer } from '../answer/decoded-answer.ts'
import type { CarriedAttempt } from '../contract/transport.ts'
import type { HookedAttempt } from '../request/hooks.ts'

/** Target of a redirect from an endpoint to itself. */
export interface Redirected {
  /** Without the endpoint's base path. */
  readonly path: string
  /** Starts with `?`, or ''. */
  readonly query: string
  readonly hops: number
}

/** Callbacks from an attempt to its exchange. A settled attempt makes no more calls. */
export interface AttemptOwner {
  /** The connection is up and the request was sent. */
  sent(attempt: Attempt): void
  /** The endpoint has received the request's body: the transport no longer reads it. */
  bodyWritten(attempt: Attempt): void
  /** @returns false to discard the answer's body */
  head(attempt: Attempt, head: UpstreamHead): boolean
  /** @returns false to pause the endpoint until `resume` */
  data(attempt: Attempt, chunk: Buffer): boolean
  complete(attempt: Attempt): void
  failed(attempt: Attempt, failure: AttemptFailure): void
}

/** An answer that was not relayed because another endpoint is tried, kept in case all others fail worse. */
export interface KeptAnswer {
  readonly head: UpstreamHead
  readonly chunks: Buffer[]
  bytes: number
  complete: boolean
}

/** Maximum bytes of such an answer that are kept: error bodies are small. */
export const keptAnswerBytes = 65_536

/** Characters of an error body that are read to classify it. */
const errorTextLength = 4096

class AttemptCancelled extends Error {
  readonly code = 'ERR_ATTEMPT_CANCELLED'
}

/**
 * One attempt of a request on one endpoint; the handler that a transport drives. These callbacks are used nowhere else;
 * late ones, after a cancel, are ignored here.
 */
export class Attempt implements CarriedAttempt {
  readonly target: RoutedEndpoint
  readonly permit: CandidatePermit
  readonly startedMs: number
  /** When the request was sent; monotonic milliseconds. */
  sentMs: number | undefined
  /** The form in which the request was sent; undefined for the client's own. */
  variant: RequestVariant | undefined
  /** Whether the transport no longer reads the request's body. */
  isBodyWritten = false
  statusCode: number | undefined
  /** Holds back the start of its answer. */
  gate: AnswerGate | undefined
  /** When the first byte of its answer arrived; monotonic milliseconds. */
  answeredMs: number | undefined
  /** Whether it repeats the previous attempt in another form, on the same place. */
  isRepeat = false
  /** How many other forms of the request its endpoint refused. */
  refusedForms = 0
  /** Target of the endpoint's redirect; undefined for the original request. */
  redirected: Redirected | undefined
  /** The start of an answer with a server error. */
  errorText = ''
  /** Collects its answer, once the first byte has arrived. */
  gathered: GatheredAnswer | undefined
  /** The attempt as hooks see it; undefined without hooks and after they were called for its end. */
  hooked: HookedAttempt | undefined
  kept: KeptAnswer | undefined
  /** Whether its place on the endpoint was released. */
  slotFreed = false
  /** Whether it runs beside the attempt of its exchange. */
  isHedge = false
  #owner: AttemptOwner
  /** Headers of the request as sent. */
  sentHeaders: readonly string[] | undefined
  /** The body as sent, if it is large and was made for this attempt; undefined once it is released. */
  ownBody: Buffer | undefined
  #abort: ((error?: Error) => void) | undefined
  #resume: (() => void) | undefined
  #decoder: AnswerDecoder | undefined
  #over = false

  constructor(owner: AttemptOwner, target: RoutedEndpoint, permit: CandidatePermit, startedMs: number) {
    this.#owner = owner
    this.target = target
    this.permit = permit
    this.startedMs = startedMs
  }

  /** Whether it has ended; later callbacks are ignored. */
  get isOver(): boolean {
    return this.#over
  }

  /** Ends the attempt now and closes the connection to the endpoint, so that the endpoint stops working on it. */
  cancel(): void {
    if (this.#over) return
    this.#over = true
    this.#decoder?.stop()
    this.#abort?.(new AttemptCancelled('cancelled'))
  }

  /** Its exchange continues with it: later callbacks go there. */
  handOver(owner: AttemptOwner): void {
    this.#owner = owner
    this.isHedge = false
  }

  resume(): void {
    if (this.#over) return
    if (this.#decoder === undefined) this.#resume?.()
    else this.#decoder.resume()
  }

  /** Frees the body that was made for it. */
  dropBody(): void {
    const { ownBody } = this
    if (ownBody === undefined) return
    this.ownBody = undefined
    if (this.variant !== undefined) this.variant = { ...this.variant, body: null }
    giveBack(ownBody)
  }

  /** Resumes an answer that was kept: its next chunks go to the owner. */
  adopt(): KeptAnswer | undefined {
    const { kept } = this
    this.kept = undefined
    return this.#over && kept?.complete !== true ? undefined : kept
  }

  /** Another try on the same endpoint and place, in another form. */
  inForm(variant: RequestVariant, nowMs: number): Attempt {
    const repeat = new Attempt(this.#owner, this.target, this.permit, nowMs)
    repeat.variant = variant
    repeat.isRepeat = true
    repeat.refusedForms = this.refusedForms + 1
    return repeat
  }

  /** The same request on the same place, at the target of its endpoint's redirect. */
  following(redirected: Redirected, nowMs: number): Attempt {
    const next = new Attempt(this.#owner, this.target, this.permit, nowMs)
    next.variant = this.variant
    next.isRepeat = true
    next.refusedForms = this.refusedForms
    next.redirected = redirected
    return next
  }

  /** Keeps an answer that the gateway has read, in case all others fail worse. */
  keepWhole(head: UpstreamHead, body: Buffer): void {
    this.statusCode = head.statusCode
    this.kept = { head, chunks: [body], bytes: body.length, complete: true }
  }

  onConnect(abort: (error?: Error) => void): void {
    if (this.#over) {
      abort(new AttemptCancelled('cancelled'))
      return
    }
    this.#abort = abort
    // If the first connection was stale, the second one reads the body again.
    this.isBodyWritten = false
    this.#owner.sent(this)
  }

  onBodyWritten(): void {
    this.isBodyWritten = true
    if (!this.#over) this.#owner.bodyWritten(this)
  }

  /** @param headers flat name/value pairs */
  onHeaders(statusCode: number, headers: readonly string[], resume: () => void): boolean {
    if (this.#over) return true
    if (statusCode < 200) return true
    this.#resume = resume
    this.statusCode = statusCode
    const given = { statusCode, headers }
    const coded = this.sentHeaders === undefined ? undefined : codedAnswer(given, this.sentHeaders)
    if (coded !== undefined) this.#decoder = this.#decoderFor(coded.makeDecoder)
    const head = coded?.head ?? given
    if (!this.#owner.head(this, head)) this.kept = { head, chunks: [], bytes: 0, complete: false }
    return true
  }

  onData(chunk: Buffer): boolean {
    if (this.#over) return true
    return this.#decoder === undefined ? this.#data(chunk) : this.#decoder.push(chunk)
  }

  #data(chunk: Buffer): boolean {
    if ((this.statusCode ?? 0) >= 500 && this.errorText.length < errorTextLength) {
      this.errorText += chunk.toString('utf8', 0, errorTextLength)
    }
    if (this.kept !== undefined) {
      this.#keep(this.kept, chunk)
      return true
    }
    return this.#owner.data(this, chunk)
  }

  onComplete(): void {
    if (this.#over) return
    if (this.#decoder === undefined) {
      this.#complete()
      return
    }
    // The connection may carry another request while the rest is decoded.
    this.#abort = undefined
    this.#resume = undefined
    this.#decoder.end()
  }

  #complete(): void {
    this.#over = true
    if (this.kept !== undefined) {
      this.kept.complete = true
      return
    }
    try {
      this.#owner.complete(this)
    } catch (cause) {
      // The transport has ended the attempt and would not report this error.
      this.#owner.failed(this, { kind: 'bad_answer', detail: 'cannot be read', cause })
    }
  }

  onError(error: unknown): void {
    if (this.#over) return
    this.#over = true
    this.#decoder?.stop()
    if (this.kept === undefined) this.#owner.failed(this, classifyFailure(error))
  }

  /** Ends the attempt with a failure that the gateway itself detected (a time limit). */
  expire(failure: AttemptFailure): void {
    if (this.#over) return
    this.#over = true
    this.#decoder?.stop()
    this.#abort?.(new AttemptCancelled(failure.kind))
    this.#owner.failed(this, failure)
  }

  #decoderFor(makeDecoder: CodedAnswer['makeDecoder']): AnswerDecoder {
    return new AnswerDecoder(makeDecoder, {
      data: (chunk) => this.#over || this.#data(chunk),
      complete: () => {
        if (!this.#over) this.#complete()
      },
      failed: () => this.expire({ kind: 'bad_answer', detail: 'its coding is broken' }),
      drained: () => {
        if (!this.#over) this.#resume?.()
      },
    })
  }

  #keep(kept: KeptAnswer, chunk: Buffer): void {
    kept.bytes += chunk.length
    if (kept.bytes > keptAnswerBytes) {
      this.cancel()
      return
    }
    kept.chunks.push(chunk)
  }
}
