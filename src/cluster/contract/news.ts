/** What a replica has seen of a model on an endpoint. Durations in milliseconds, as for the endpoint. */
export interface ModelState {
  readonly openForMs?: number
  readonly pauseMs?: number
}

/** What a replica has seen of an endpoint: all of it, or what has changed. Durations in milliseconds. */
export interface EndpointState {
  readonly by: string
  readonly status?: string
  readonly reason?: string
  /** Whether only a probe shows the status, so that the endpoint may still answer requests. */
  readonly isDoubtful?: boolean
  /** Whether the replica that probes the endpoint for all has seen it. */
  readonly isLed?: boolean
  /** Time until an open circuit permits a trial; 0 for a closed one. */
  readonly openForMs?: number
  /** Time until a requested pause ends. */
  readonly pauseMs?: number
  /** By the name that the endpoint has for the model. */
  readonly models?: Readonly<Record<string, ModelState>>
}

/** What has happened, the endpoint, and how many places a replica that wants some has. */
export type PlaceNews = readonly [what: 'wanted' | 'free', endpoint: string, holds?: number]

/** Messages between replicas, as JSON. Each has the ID of its sender, which ignores it. */
export interface NewsKinds {
  /** Places of endpoints are wanted, or free for those who want some. */
  places: { readonly endpoints: readonly PlaceNews[] }
  /** Leases of these limits and slots are wanted back, or some were given back. */
  limits: { readonly wanted?: readonly string[]; readonly isFree?: boolean }
  /** The sender has reported its places to a server that has lost its data. @property epoch of the server */
  'places-reported': { readonly epoch: string }
  /** What the sender has seen of endpoints, by name. */
  endpoints: { readonly states: Readonly<Record<string, EndpointState>> }
  /** New sessions, each with the name of its endpoint. @property to the replica that asked for those of before */
  sessions: { readonly bound: readonly (readonly [key: number, endpoint: string])[]; readonly to?: string }
  /** The sender has joined or was away: it asks a replica for the sessions that it may not know. */
  newcomer: { readonly from: string }
  /** Endpoints that have stored responses or conversations, by ID, with the caller that owns them. */
  responses: { readonly stored: readonly (readonly [id: string, endpoint: string, caller: string | null])[] }
  /** IDs of documents that the sender has deleted. */
  documents: { readonly deleted: readonly string[] }
  /** A question to one replica or to all. */
  ask: { readonly to: string | null; readonly call: number; readonly topic: string; readonly data: unknown }
  /** The answer, or the key that has it. */
  answer: {
    readonly to: string
    readonly call: number
    readonly value?: unknown
    readonly key?: string
  }
  /** Keys, teams or owners in the store of callers have changed. */
  callers: object
  /** The server has lost amounts of limits that the sender knew. */
  'amounts-lost': object
  /** A replica has left. */
  left: object
}

export type NewsKind = keyof NewsKinds

export type NewsOf<Kind extends NewsKind> = NewsKinds[Kind] & { readonly kind: Kind; readonly by: string }
