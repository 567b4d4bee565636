import { classifyFailure, describeFailure } from '../../../endpoints/connections/failure.ts'
import type { UpstreamPools } from '../../../endpoints/connections/pools.ts'
import type { Shortages } from '../../../endpoints/connections/shortages.ts'
import type { Endpoint } from '../../../endpoints/registry/endpoint.ts'
import type { ClientRequest, RequestHandler } from '../../../http/client/contract.ts'
import type { Clock, Timer } from '../../../kernel/clock.ts'

export interface CallServices {
  readonly clock: Pick<Clock, 'after' | 'monotonicMs'>
  readonly pools: Pick<UpstreamPools, 'get'>
  readonly shortages: Pick<Shortages, 'explain'>
}

/** Receives one endpoint's answer; after `onEnd` or `onFailed` nothing is called. */
export interface CallSink {
  onHead(statusCode: number, headers: readonly string[]): void
  /** @returns false to pause the answer until `resume` */
  onData(chunk: Buffer): boolean
  onEnd(): void
  /** @param reason safe to show */
  onFailed(reason: string): void
}

/**
 * One request to one endpoint. The endpoint's time limits to the first byte and between chunks apply, not the limit of
 * a whole request: a model may take hours to download.
 */
export class EndpointCall implements RequestHandler {
  readonly #services: CallServices
  readonly #endpoint: Endpoint
  readonly #sink: CallSink
  #abort: ((error?: Error) => void) | undefined
  #resume: (() => void) | undefined
  #timer: Timer | undefined
  #lastMs = 0
  #isPaused = false
  #isOver = false

  constructor(services: CallServices, endpoint: Endpoint, sink: CallSink) {
    this.#services = services
    this.#endpoint = endpoint
    this.#sink = sink
  }

  send(request: ClientRequest): void {
    const { pools } = this.#services
    if (request.body === null || Buffer.isBuffer(request.body)) this.awaitAnswer()
    try {
      pools.get(this.#endpoint).send(request, this)
    } catch (error) {
      this.onError(error)
    }
  }

  /** Starts the limit to the first byte, once the body has been sent. */
  awaitAnswer(): void {
    this.#limit(this.#endpoint.timeouts.firstByteMs, 'no first byte in time')
  }

  resume(): void {
    this.#isPaused = false
    this.#lastMs = this.#services.clock.monotonicMs()
    this.#resume?.()
  }

  /** Ends the call as failed. */
  fail(reason: string): void {
    if (this.#isOver) return
    this.#finish()
    this.#abort?.()
    this.#sink.onFailed(reason)
  }

  // Called by the pool

  onConnect(abort: (error?: Error) => void): void {
    if (this.#isOver) abort()
    else this.#abort = abort
  }

  onHeaders(statusCode: number, headers: readonly string[], resume: () => void): void {
    if (statusCode < 200 || this.#isOver) return
    this.#resume = resume
    this.#lastMs = this.#services.clock.monotonicMs()
    this.#limit(this.#endpoint.timeouts.idleMs, 'no data in time')
    this.#sink.onHead(statusCode, headers)
  }

  onData(chunk: Buffer): boolean {
    if (this.#isOver) return true
    this.#lastMs = this.#services.clock.monotonicMs()
    this.#isPaused = !this.#sink.onData(chunk)
    return !this.#isPaused
  }

  onComplete(): void {
    if (this.#isOver) return
    this.#finish()
    this.#sink.onEnd()
  }

  onError(error: unknown): void {
    if (this.#isOver) return
    this.#finish()
    this.#sink.onFailed(describeFailure(this.#services.shortages.explain(classifyFailure(error))))
  }

  #finish(): void {
    this.#isOver = true
    this.#timer?.cancel()
  }

  /** Fails the call after this time without data, except while its reader has paused it. */
  #limit(limitMs: number, reason: string): void {
    this.#timer?.cancel()
    if (limitMs === 0 || this.#isOver) return
    const { clock } = this.#services
    this.#lastMs = clock.monotonicMs()
    const arm = (delayMs: number) => {
      this.#timer = clock.after(delayMs, () => {
        const leftMs = this.#isPaused ? limitMs : this.#lastMs + limitMs - clock.monotonicMs()
        if (leftMs > 0) arm(leftMs)
        else this.fail(reason)
      })
    }
    arm(limitMs)
  }
}
