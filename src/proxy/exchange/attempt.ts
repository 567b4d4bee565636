import type { GatheredAnswer, RequestVariant } from '../../dialects/requests/request-variant.ts'
import { type AttemptFailure, classifyFailure } from '../../endpoints/connections/failure.ts'
import type { CandidatePermit } from '../../endpoints/resilience/circuit-breakers.ts'
import type { UpstreamHead } from '../../http/headers/response-headers.ts'
import type { RoutedEndpoint } from '../../routing/models/router.ts'
import type { AnswerGate } from '../answer/answer-gate.ts'
import { AnswerDecoder, type CodedAnswer, codedAnswer } from '../answer/decoded-answer.ts'
import type { CarriedAttempt } from '../contract/transport.ts'
import type { HookedAttempt } from '../request/hooks.ts'

/** Where an endpoint has sent a request on to, at itself. */
export interface Redirected {
  /** Without the endpoint's base path. */
  readonly path: string
  /** With its `?`, or ''. */
  readonly query: string
  readonly hops: number
}

/** What an attempt tells its exchange. A settled attempt says nothing more. */
export interface AttemptOwner {
  /** The connection is up and the request is on its way. */
  sent(attempt: Attempt): void
  /** The endpoint has got the request's body: the transport reads it no more. */
  bodyWritten(attempt: Attempt): void
  /** @returns false to let the answer's body go */
  head(attempt: Attempt, head: UpstreamHead): boolean
  /** @returns false to pause the endpoint until `resume` */
  data(attempt: Attempt, chunk: Buffer): boolean
  complete(attempt: Attempt): void
  failed(attempt: Attempt, failure: AttemptFailure): void
}

/** An answer that was passed over for another endpoint, kept in case all others fail worse. */
export interface KeptAnswer {
  readonly head: UpstreamHead
  readonly chunks: Buffer[]
  bytes: number
  complete: boolean
}

/** Most bytes of a passed-over answer that are kept: error bodies are small. */
export const keptAnswerBytes = 65_536

/** Characters of an error that are read for what it is about. */
const errorTextLength = 4096

class AttemptCancelled extends Error {
  readonly code = 'ERR_ATTEMPT_CANCELLED'
}

/**
 * One try of a request on one endpoint, as the handler that a transport drives. It is the only place that knows
 * these callbacks; stale ones, after a cancel, end here.
 */
export class Attempt implements CarriedAttempt {
  readonly target: RoutedEndpoint
  readonly permit: CandidatePermit
  readonly startedMs: number
  /** When the request was on its way; monotonic milliseconds. */
  sentMs: number | undefined
  /** The form in which the request was sent; undefined for the client's own. */
  variant: RequestVariant | undefined
  /** Whether the transport reads the request's body no more. */
  isBodyWritten = false
  statusCode: number | undefined
  /** What holds the beginning of its answer back. */
  gate: AnswerGate | undefined
  /** When the first byte of its answer came; monotonic milliseconds. */
  answeredMs: number | undefined
  /** Whether it repeats the one before it in another form, on the same place. */
  isRepeat = false
  /** How many other forms of the request its endpoint has refused. */
  refusedForms = 0
  /** Where the endpoint has sent the request on to; undefined where it was asked first. */
  redirected: Redirected | undefined
  /** The beginning of an answer with a server error. */
  errorText = ''
  /** What gathers its answer, once its first byte has come. */
  gathered: GatheredAnswer | undefined
  /** As hooks know it; undefined without hooks, and once they were told of its end. */
  hooked: HookedAttempt | undefined
  kept: KeptAnswer | undefined
  /** Whether its place on the endpoint was given back. */
  placeFreed = false
  readonly #owner: AttemptOwner
  /** Headers of the request as it was sent. */
  sentHeaders: readonly string[] | undefined
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

  /** Whether it has ended; it is told nothing more. */
  get isOver(): boolean {
    return this.#over
  }

  /** Ends the attempt now: the connection to the endpoint is closed so that its work stops. */
  cancel(): void {
    if (this.#over) return
    this.#over = true
    this.#decoder?.stop()
    this.#abort?.(new AttemptCancelled('cancelled'))
  }

  resume(): void {
    if (this.#over) return
    if (this.#decoder === undefined) this.#resume?.()
    else this.#decoder.resume()
  }

  /** The form that it was sent in need not lie in memory any longer. */
  dropBody(): void {
    if (this.variant !== undefined) this.variant = { ...this.variant, body: null }
  }

  /** Takes a passed-over answer up again: what comes from now on goes to the owner. */
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

  /** The same request on the same place, where its endpoint has sent it on to. */
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
    // On a second connection, where the first was stale, the body is read once more.
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
      // The transport has ended the attempt and would not report this.
      this.#owner.failed(this, { kind: 'bad_answer', detail: 'cannot be read', cause })
    }
  }

  onError(error: unknown): void {
    if (this.#over) return
    this.#over = true
    this.#decoder?.stop()
    if (this.kept === undefined) this.#owner.failed(this, classifyFailure(error))
  }

  /** Ends the attempt with a failure that the gateway has found itself (a time limit). */
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
