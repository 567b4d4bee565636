import type { Endpoint } from '../../../src/endpoints/registry/endpoint.ts'
import { Gauge } from '../../../src/kernel/cells/gauge.ts'
import type { Candidate, EndpointLoad } from '../../../src/routing/selection/selector.ts'
import { endpoint } from '../../observe/stats/fixtures.ts'

/** Load that a test writes down: a row per slot. */
export class WrittenLoad implements EndpointLoad {
  readonly gauge: Gauge
  readonly shares: number[] = []
  readonly penalties: number[] = []
  readonly closed = new Set<number>()
  readonly answered = new Set<number>()

  constructor(slots = 16) {
    this.gauge = new Gauge(slots)
  }

  inFlight(slot: number): number {
    return this.gauge.value(slot)
  }

  share(slot: number): number {
    return this.shares[slot] ?? 1
  }

  penalty({ endpoint }: Candidate): number {
    return this.penalties[endpoint.slot] ?? 0
  }

  hasJustAnswered({ endpoint: { slot } }: Candidate): boolean {
    return this.answered.has(slot)
  }

  admits({ endpoint: { slot, maxConcurrent } }: Candidate): boolean {
    return !this.closed.has(slot) && (maxConcurrent === 0 || this.gauge.value(slot) < maxConcurrent)
  }
}

export function candidates(...settings: Partial<Endpoint>[]): Candidate[] {
  return settings.map((each, slot) => ({ endpoint: endpoint({ slot, ...each }) }))
}
