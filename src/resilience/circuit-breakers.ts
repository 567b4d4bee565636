import type { Clock } from '../clock.ts'
import type { EndpointRegistry } from '../endpoint/registry.ts'
import type { EventBus } from '../events/bus.ts'
import type { BreakerTable } from '../state/breaker-table.ts'
import { type AttemptFailure, describeFailure } from '../upstream/failure.ts'
import type { BreakerPolicy } from './breaker.ts'
import { type BreakerPermit, CircuitBreaker, type FailureSource } from './circuit-breaker.ts'
import { type Evidence, failureEvidence, statusEvidence } from './evidence.ts'

/** How an attempt went, as far as a breaker is concerned. */
export type AttemptResult =
  | AttemptFailure
  | { readonly kind: 'answered'; readonly statusCode: number; readonly firstByteMs: number }

/** The circuit breakers of all endpoints, by slot. */
export class CircuitBreakers {
  readonly #breakers: CircuitBreaker[] = []

  constructor(registry: EndpointRegistry, table: BreakerTable, services: { clock: Clock; events: EventBus }) {
    for (const { slot, name, breaker } of registry.snapshot.endpoints) {
      this.#breakers[slot] = new CircuitBreaker(table, slot, breaker, services.clock, (from, to, reason) =>
        services.events.publish('breaker.transition', { endpoint: name, from, to, reason }),
      )
    }
  }

  get(slot: number): CircuitBreaker {
    const breaker = this.#breakers[slot]
    if (breaker === undefined) throw new RangeError(`no endpoint in slot ${slot}`)
    return breaker
  }

  /** Gives on the trials of a thread that has ended. */
  reclaim(thread: number): void {
    for (const breaker of this.#breakers) breaker?.reclaim(thread)
  }

  /** Tells a breaker how an attempt went; whether it counts is the policy's. */
  settle(slot: number, permit: BreakerPermit, result: AttemptResult): void {
    const breaker = this.get(slot)
    const failure = countedFailure(breaker.policy, result)
    if (failure !== undefined) breaker.fail(permit, failure.reason, failure.source)
    else if (result.kind === 'answered') breaker.succeed(permit)
    else breaker.release(permit)
  }
}

/** @returns undefined where the policy does not count the result as a failure */
export function countedFailure(
  policy: BreakerPolicy,
  result: AttemptResult,
): { reason: string; source: FailureSource } | undefined {
  if (result.kind === 'answered') {
    const { statusCode, firstByteMs } = result
    if (isCounted(policy, statusEvidence(statusCode), statusCode)) {
      return { reason: `status ${statusCode}`, source: 'answer' }
    }
    return policy.slowFirstByteMs > 0 && firstByteMs > policy.slowFirstByteMs
      ? { reason: `first byte after ${Math.round(firstByteMs)} ms`, source: 'answer' }
      : undefined
  }
  const evidence = failureEvidence(result)
  if (!isCounted(policy, evidence, result.statusCode)) return undefined
  return {
    reason: describeFailure(result),
    source: evidence.about === 'endpoint' ? 'connection' : 'answer',
  }
}

function isCounted(policy: BreakerPolicy, { counted }: Evidence, statusCode: number | undefined): boolean {
  switch (counted) {
    case 'connection_errors':
      return policy.connectionErrors
    case 'timeouts':
      return policy.timeouts
    case 'failure_statuses':
      return policy.failureStatuses.has(statusCode ?? 0)
    case 'always':
      return true
    case 'never':
      return false
  }
}
