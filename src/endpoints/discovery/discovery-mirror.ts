import type { PeerLink, Topic } from '../../runtime/links/peer-link.ts'
import type { DiscoveryRecord, DiscoveryRecords, ModelRefresher } from './discovery-records.ts'

/** A serving thread requests a read of an endpoint's models now. */
export const refreshTopic: Topic<number, boolean> = 'discovery.refresh'

/** Longer than a read with all its retries takes, unless the configured retries are excessive. */
const refreshMs = 300_000

/**
 * Discovery on a thread that does not read lists itself: it sends requests to the control thread, and the catalog
 * follows.
 */
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

  /** Resolves after the local catalog has changed: the control thread sends the result before the answer. */
  async refresh(slot: number): Promise<boolean> {
    return (await this.#link.requestControl(refreshTopic, slot, refreshMs)) ?? false
  }
}
