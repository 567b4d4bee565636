import type { Sample } from '../../observe/stats/sample.ts'

/** The displayed fields of a row of `/internal/status/endpoints`. */
export interface EndpointRow {
  readonly id: string
  readonly name: string
  readonly status: string
  readonly breaker: { readonly state: string }
  readonly priority: number
  readonly in_flight: number
  readonly max_concurrent: number
  readonly model_count: number
  readonly request_count: number
  readonly success_rate: string
}

/** The displayed fields of a row of `/internal/inflight`. */
export interface RequestRow {
  readonly id: string
  readonly age_ms: number
  readonly phase: string
  readonly model: string | null
  readonly endpoint: string | null
  readonly client: string
  readonly completion_tokens: number | null
  readonly tokens_per_second: number | null
}

export interface EventLine {
  readonly type: string
  /** RFC 3339. */
  readonly at: string
  readonly data: Readonly<Record<string, unknown>>
}

export interface Hello {
  readonly version: string
  readonly started_at: string
  readonly threads: number
  readonly engine: string
  readonly balancer: string
}

export const sortKeys = ['name', 'in flight', 'req/s', 'first byte'] as const
export type SortKey = (typeof sortKeys)[number]
export type Pane = 'endpoints' | 'requests'

/** Everything that the screen shows. */
export interface TopState {
  readonly url: string
  /** Why there is no new data; undefined while the gateway answers. */
  readonly problem: string | undefined
  readonly hello: Hello | undefined
  /** Oldest first. */
  readonly samples: readonly Sample[]
  readonly endpoints: readonly EndpointRow[]
  readonly requests: readonly RequestRow[]
  readonly requestTotal: number
  /** Oldest first. */
  readonly events: readonly EventLine[]
  readonly sort: SortKey
  readonly isReversed: boolean
  readonly pane: Pane
  /** First visible row of each list. */
  readonly offsets: Readonly<Record<Pane, number>>
}

/** Maximum history. */
const maxSamples = 450
const maxEvents = 100

export function initialState(url: string): TopState {
  return {
    url,
    problem: undefined,
    hello: undefined,
    samples: [],
    endpoints: [],
    requests: [],
    requestTotal: 0,
    events: [],
    sort: 'name',
    isReversed: false,
    pane: 'endpoints',
    offsets: { endpoints: 0, requests: 0 },
  }
}

export type TopMessage =
  | { readonly kind: 'hello'; readonly hello: Hello }
  | { readonly kind: 'samples'; readonly samples: readonly Sample[] }
  | { readonly kind: 'event'; readonly event: EventLine }
  | { readonly kind: 'endpoints'; readonly endpoints: readonly EndpointRow[] }
  | { readonly kind: 'requests'; readonly requests: readonly RequestRow[]; readonly total: number }
  | { readonly kind: 'problem'; readonly problem: string }
  | { readonly kind: 'key'; readonly key: TopKey }

export type TopKey = 'up' | 'down' | 'page-up' | 'page-down' | 'pane' | 'sort' | 'reverse'

const steps = { up: -1, down: 1, 'page-up': -10, 'page-down': 10 } as const

/** Returns the state after a message. */
export function update(state: TopState, message: TopMessage): TopState {
  switch (message.kind) {
    case 'hello': {
      // Another run of the gateway restarts its counters, so the charts restart too.
      const isRestart = state.hello !== undefined && state.hello.started_at !== message.hello.started_at
      return {
        ...state,
        hello: message.hello,
        problem: undefined,
        ...(isRestart ? { samples: [], events: [] } : {}),
      }
    }
    case 'samples':
      return { ...state, samples: [...state.samples, ...message.samples].slice(-maxSamples) }
    case 'event':
      return { ...state, events: [...state.events, message.event].slice(-maxEvents) }
    case 'endpoints':
      return { ...state, endpoints: message.endpoints }
    case 'requests':
      return { ...state, requests: message.requests, requestTotal: message.total }
    case 'problem':
      return { ...state, problem: message.problem }
    case 'key':
      return press(state, message.key)
  }
}

function press(state: TopState, key: TopKey): TopState {
  switch (key) {
    case 'pane':
      return { ...state, pane: state.pane === 'endpoints' ? 'requests' : 'endpoints' }
    case 'reverse':
      return { ...state, isReversed: !state.isReversed }
    case 'sort': {
      const next = sortKeys[(sortKeys.indexOf(state.sort) + 1) % sortKeys.length]
      return { ...state, sort: next ?? 'name' }
    }
    default: {
      const rows = state.pane === 'endpoints' ? state.endpoints.length : state.requests.length
      const offset = Math.max(0, Math.min(rows - 1, state.offsets[state.pane] + steps[key]))
      return { ...state, offsets: { ...state.offsets, [state.pane]: offset } }
    }
  }
}
