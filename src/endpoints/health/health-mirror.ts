import type { Clock } from '../../kernel/clock.ts'
import type { PeerLink, Topic } from '../../runtime/links/peer-link.ts'
import type { EndpointRegistry } from '../registry/registry.ts'
import { evidenceVerdict, isKnown } from './evidence.ts'
import type { HealthMonitor, PassiveEvidence, ProbeRecord } from './health-monitor.ts'
import type { ProbeRecords } from './probe-records.ts'

/** Evidence from a request on a serving thread, for the health checker. */
export const evidenceTopic: Topic<{ readonly slot: number; readonly evidence: PassiveEvidence }> =
  'health.evidence'
/** A serving thread requests a probe now. */
export const probeNowTopic: Topic<number> = 'health.probe'

/** Exceeds the time of any probe with its repeats. */
const probeMs = 120_000

/** Endpoint health on a serving thread: reads the results of the control thread. */
export class HealthMirror implements HealthMonitor {
  readonly #registry: EndpointRegistry
  readonly #records: ProbeRecords
  readonly #link: PeerLink
  readonly #clock: Clock

  constructor(services: { registry: EndpointRegistry; records: ProbeRecords; link: PeerLink; clock: Clock }) {
    this.#registry = services.registry
    this.#records = services.records
    this.#link = services.link
    this.#clock = services.clock
  }

  record(slot: number): ProbeRecord {
    return this.#records.get(slot)
  }

  retryInMs(slot: number): number {
    if (this.#registry.isRoutable(slot)) return 0
    return Math.max(0, (this.#records.nextCheckMs(slot) ?? 0) - this.#clock.nowMs())
  }

  /** Sets the status at once and forwards the evidence to the health checker. */
  report(slot: number, evidence: PassiveEvidence): void {
    if (isKnown(this.#registry, slot, evidence)) return
    if (evidence.kind !== 'list_read') {
      const { status, reason } = evidenceVerdict(evidence)
      this.#registry.setStatus(slot, status, reason)
      if (evidence.kind === 'untrusted') this.#registry.staysOut(slot)
    }
    this.#link.sendToControl(evidenceTopic, { slot, evidence })
  }

  async probeNow(slot: number): Promise<void> {
    await this.#link.requestControl(probeNowTopic, slot, probeMs)
  }
}
