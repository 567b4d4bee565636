/** Version of the keys and of the values in them. Replicas of different versions share nothing. */
export const schemaVersion = 2

/** Time after which keys of a cluster without members expire. */
export const keyTtlMs = 60_000
/** The same for what replicas report about endpoints, and for answers that a replica may not have received. */
export const stateTtlMs = 300_000

/** Names of the keys of the fleet; one hash tag, so that one script can use all of them. */
export interface FleetKeys {
  readonly schema: string
  readonly alive: string
  /** Changes when the server has no members any more, because it has lost its data or was away for long. */
  readonly epoch: string
  readonly members: string
  readonly load: string
  readonly places: string
  readonly state: string
  readonly slots: string
  /** When leases of limits end, by limit and replica. */
  readonly leases: string
  /** Beginning of the keys of limits. */
  readonly limits: string
  /** Numbers of the calls of a replica, and answers that it may not have received. */
  readonly calls: (replica: string, startId: string) => string
  /** What replicas have restored of amounts of limits. */
  readonly restored: string
  /** Texts, sizes, order of use and items of shared documents. */
  readonly documents: readonly [texts: string, infos: string, order: string, items: string]
  /** Beginning of the keys of turns. */
  readonly turns: string
  /** Beginning of the keys of answers that are too large for the channel. */
  readonly answers: string
  /** Name of the channel. */
  readonly news: string
}

export function fleetKeys(prefix: string): FleetKeys {
  const base = `${prefix}:{fleet}:`
  return {
    schema: `${base}schema`,
    alive: `${base}alive`,
    epoch: `${base}epoch`,
    members: `${base}members`,
    load: `${base}load`,
    places: `${base}places`,
    state: `${base}state`,
    slots: `${base}slots`,
    leases: `${base}leases`,
    limits: `${base}limit:`,
    calls: (replica, startId) => `${base}calls:${replica}:${startId}`,
    restored: `${base}restored`,
    documents: [
      `${base}documents:texts`,
      `${base}documents:infos`,
      `${base}documents:order`,
      `${base}documents:items`,
    ],
    turns: `${base}turn:`,
    answers: `${base}answer:`,
    news: `${base}news`,
  }
}
