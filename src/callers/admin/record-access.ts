import type { Clock } from '../../kernel/clock.ts'
import { GatewayError } from '../../kernel/errors.ts'
import type { CallerRecords, KeyRecord, OwnerRecord, TeamRecord } from '../contract/records.ts'
import type { CallerStore } from '../store/caller-store.ts'
import type { AuditEntry } from '../store/contract.ts'
import { guarded, missing } from './refusals.ts'

/** A change that has been made, for the event. */
export interface CallerChange extends AuditEntry {
  readonly name: string
}

export interface CallerAdminServices {
  /** Undefined if keys are in the configuration only. */
  readonly store: CallerStore | undefined
  /** Keys, teams and owners of the configuration. */
  readonly configured: CallerRecords
  readonly clock: Pick<Clock, 'nowMs'>
  /** Makes a change effective on all threads; awaited before the operation ends. */
  readonly publish: (change: CallerChange) => Promise<void>
}

/** Finds and changes records, wherever they are. */
export class RecordAccess {
  readonly configured: CallerRecords
  readonly clock: Pick<Clock, 'nowMs'>
  readonly #store: CallerStore | undefined
  readonly #publish: CallerAdminServices['publish']

  constructor({ store, configured, clock, publish }: CallerAdminServices) {
    this.configured = configured
    this.clock = clock
    this.#store = store
    this.#publish = publish
  }

  /** Undefined if keys are in the configuration only. */
  get readable(): CallerStore | undefined {
    return this.#store
  }

  get writable(): CallerStore {
    if (this.#store !== undefined) return this.#store
    throw new GatewayError(
      'conflict',
      'There is no store (callers.store): keys are in the configuration only.',
    )
  }

  /** Makes a change: with its audit entry, its errors as the client reads them, and its effect on all threads. */
  async make(
    entry: Omit<CallerChange, 'atMs'>,
    write: (audit: AuditEntry) => Promise<unknown>,
  ): Promise<void> {
    const { name, ...audit } = { ...entry, atMs: this.clock.nowMs() }
    const done = await guarded(() => write(audit))
    if (done === false) throw missing(entry.kind)
    await this.#publish({ ...audit, name })
  }

  async findKey(key: string): Promise<KeyRecord> {
    const own = this.configured.keys.find(({ id, name }) => id === key || name === key)
    const found = own ?? (await guarded(async () => this.#store?.findKey(key)))
    if (found === undefined) throw missing('key')
    return found
  }

  async findTeam(name: string): Promise<TeamRecord> {
    const own = this.configured.teams.find((team) => team.name === name)
    const found = own ?? (await guarded(async () => this.#store?.findTeam(name)))
    if (found === undefined) throw missing('team')
    return found
  }

  async findOwner(name: string): Promise<OwnerRecord> {
    const own = this.configured.owners.find((owner) => owner.name === name)
    const found = own ?? (await guarded(async () => this.#store?.findOwner(name)))
    if (found === undefined) throw missing('owner')
    return found
  }
}
