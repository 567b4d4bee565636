import type { PeerLink, Topic } from '../../runtime/links/peer-link.ts'
import type { DiscoveryRecord, DiscoveryRecords, ModelRefresher } from './discovery-records.ts'

/** A serving thread wants an endpoint's models looked at now. */
export const refreshTopic: Topic<number, boolean> = 'discovery.refresh'

/** Longer than a look with all its repeats takes, unless they were configured to be without end. */
const refreshMs = 300_000

/** Discovery on a thread that does not look itself: it asks the control thread, and the catalogue follows. */
export class DiscoveryMirror implements ModelRefresher {
  readonly isRunning: boolean
  readonly #records: DiscoveryRecords
  readonly #link: PeerLink

  constructor(isRunning: boolean, services: { records: DiscoveryRecords; link: PeerLink }) {
    this.isRunning = isRunning
    this.#records = services.records
    this.#link = services.link
  }

  record(slot: number): DiscoveryRecord {
    return this.#records.get(slot)
  }

  /** Resolves after the catalogue here has changed: what was found comes over the line before the answer. */
  async refresh(slot: number): Promise<boolean> {
    return (await this.#link.askControl(refreshTopic, slot, refreshMs)) ?? false
  }
}
