import { isClientMistake } from '../../dialects/errors/client-mistake.ts'
import type { AttemptFailure } from '../../endpoints/connections/failure.ts'
import type { CircuitBreakers } from '../../endpoints/resilience/circuit-breakers.ts'
import { failureEvidence } from '../../endpoints/resilience/evidence.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { LiveLoad } from '../../routing/selection/live-load.ts'
import type { RequestStats } from '../contract/request-record.ts'
import type { Attempt } from './attempt.ts'

/** Services that holding and settling evidence uses. */
export interface EvidenceServices {
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly load: Pick<LiveLoad, 'penalties'>
  readonly breakers: Pick<CircuitBreakers, 'settle' | 'release'>
  readonly stats: Pick<RequestStats, 'recordAttempt'>
}

interface Held {
  readonly attempt: Attempt
  readonly failure: AttemptFailure
  readonly atMs: number
}

/**
 * Failures of one request that the request itself may have caused: a prompt that crashes every server must not take all
 * of them out of service. Each failure counts against its endpoint once another endpoint has answered the same request
 * well; a failure that repeats on the next endpoint is attributed to the request and counts against none.
 */
export class HeldEvidence {
  readonly #services: EvidenceServices
  #held: Held[] = []

  constructor(services: EvidenceServices) {
    this.#services = services
  }

  get isEmpty(): boolean {
    return this.#held.length === 0
  }

  add(attempt: Attempt, failure: AttemptFailure): void {
    const atMs = this.#services.clock.monotonicMs()
    this.#held.push({ attempt, failure, atMs })
    // Until the cause is known, the endpoint gets fewer requests.
    this.#services.load.penalties.failed(attempt.target, aboutOf(failure))
  }

  /** This endpoint answered the request well, so the earlier failures are the endpoints' own. */
  disprovedBy({ target }: Attempt): void {
    for (const held of this.#takeAll()) {
      // An endpoint that answers now was busy for a moment.
      if (held.attempt.target === target) this.#release(held, true)
      else this.#count(held)
    }
  }

  /** An answer has shown that the request was at fault. */
  blameRequest(): void {
    for (const [at, held] of this.#takeAll().entries()) this.#forgive(held, at === 0)
  }

  /** The request is over, and no endpoint answered it well. */
  conclude(): void {
    const all = this.#takeAll()
    const isMistake = all.some(isMistakeIn)
    const seen = new Set<unknown>()
    let isFirst = true
    for (const held of all) {
      const { target } = held.attempt
      if (isMistake || slotsOf(all, modeOf(held)).size > 1) {
        this.#forgive(held, isFirst)
        isFirst = false
      } else if (seen.has(target)) {
        // Of several failures of one request on one endpoint, the first counts.
        this.#release(held, true)
      } else {
        seen.add(target)
        // No other endpoint was tried, so the request or the endpoint may be at fault.
        this.#count(held, 'model')
      }
    }
  }

  /** The client disconnected before the cause was known. */
  drop(): void {
    for (const held of this.#takeAll()) this.#release(held, true)
  }

  #count({ attempt, failure }: Held, about?: 'model'): void {
    const { breakers, stats } = this.#services
    breakers.settle(attempt.target, attempt.permit, failure, about)
    stats.recordAttempt(attempt.target.endpoint.slot, true)
  }

  #forgive(held: Held, isFailure: boolean): void {
    this.#services.load.penalties.forgive(held.attempt.target, aboutOf(held.failure), held.atMs)
    this.#release(held, isFailure)
  }

  #release({ attempt }: Held, isFailure: boolean): void {
    this.#services.breakers.release(attempt.target, attempt.permit)
    this.#services.stats.recordAttempt(attempt.target.endpoint.slot, isFailure)
  }

  #takeAll(): Held[] {
    const all = this.#held
    this.#held = []
    return all
  }
}

function isMistakeIn({ attempt: { errorText }, failure: { detail } }: Held): boolean {
  const text = errorText === '' ? (detail ?? '') : errorText
  return text !== '' && isClientMistake(text)
}

/** A busy endpoint is not a broken one: several busy endpoints do not show that a request breaks them. */
function modeOf({ failure }: Held): 'busy' | 'broken' {
  return failureEvidence(failure).repeated === 'rounds' ? 'busy' : 'broken'
}

function slotsOf(all: readonly Held[], mode: 'busy' | 'broken'): Set<number> {
  return new Set(all.flatMap((held) => (modeOf(held) === mode ? held.attempt.target.endpoint.slot : [])))
}

/** What a failure counts against when an endpoint is chosen. */
export function aboutOf(failure: AttemptFailure): 'endpoint' | 'model' {
  return failureEvidence(failure).about === 'endpoint' ? 'endpoint' : 'model'
}
