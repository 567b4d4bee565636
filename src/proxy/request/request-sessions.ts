import type { KeySource } from '../../config/schema/key-sources.ts'
import type { CounterTable } from '../../kernel/cells/counter-table.ts'
import type { SessionKey, SessionKeys, SessionRequest } from '../../routing/affinity/key-sources.ts'
import type {
  SessionAffinity,
  SessionDecision,
  SessionOutcome,
} from '../../routing/affinity/session-affinity.ts'
import type { SessionColumn } from '../../routing/affinity/session-cells.ts'
import type { RoutedEndpoint } from '../../routing/models/router.ts'
import type { RequestFeatures } from '../../routing/selection/selector.ts'
import type { Affinity } from '../contract/affinity.ts'
import type { RelayedAnswer, RelayObserver } from '../contract/answer-observer.ts'
import { ownerOf } from '../contract/context.ts'
import type { ExchangeRequest } from '../contract/exchange-request.ts'
import type { RequestSession } from '../contract/request-session.ts'
import { isHeaderValue } from './request-headers.ts'
import { hasResponseId, ResponseIdReader } from './response-id.ts'

/** The parts of a request that its session is read from. */
export type SessionedRequest = Pick<ExchangeRequest, 'context' | 'path' | 'body'>

/** Reads what estimates need of a request; undefined while there are none. */
type FeaturesOf = (request: SessionedRequest) => RequestFeatures | undefined

const counted: Readonly<Record<SessionOutcome, SessionColumn>> = {
  hit: 'hits',
  miss: 'misses',
  repin: 'repins',
  disabled: 'disabled',
}

/**
 * Applies sessions to requests: reads each request's key once, prefers the session's endpoint, binds the session to the
 * endpoint that answered, counts, and reports the session in headers (contract 1.7).
 */
export class RequestSessions implements Affinity {
  readonly affinity: SessionAffinity
  readonly counters: CounterTable<SessionColumn>
  readonly #keys: SessionKeys
  readonly #learnsResponses: boolean
  readonly #featuresOf: FeaturesOf | undefined

  constructor(parts: {
    affinity: SessionAffinity
    keys: SessionKeys
    counters: CounterTable<SessionColumn>
    /** Undefined if only the load decides whether an endpoint keeps its sessions. */
    featuresOf?: FeaturesOf | undefined
  }) {
    this.affinity = parts.affinity
    this.counters = parts.counters
    this.#keys = parts.keys
    this.#featuresOf = parts.featuresOf
    this.#learnsResponses = parts.keys.options.sources.includes('previous_response_id')
  }

  get sources(): readonly KeySource[] {
    return this.#keys.options.sources
  }

  readKey(request: SessionRequest): SessionKey | undefined {
    return this.#keys.read(request, (key) => this.affinity.store.get(key) !== undefined)
  }

  prefer(
    request: SessionedRequest,
    candidates: readonly RoutedEndpoint[],
    excluded: ReadonlySet<number> | undefined,
  ): RoutedEndpoint | undefined {
    const { context } = request
    const key = context.session === undefined ? this.#keyOf(request) : context.session.key
    const decision = this.affinity.decide(key, candidates, excluded, this.#featuresOf?.(request))
    context.session = { key, decision }
    return decision.target
  }

  /** No endpoint can serve the request: its refusal reports the state of its session (contract 1.4). */
  refused(request: SessionedRequest): void {
    const key = this.#keyOf(request)
    request.context.session = { key, decision: this.affinity.decide(key, [], undefined) }
  }

  answered({ context }: SessionedRequest, { endpoint }: RoutedEndpoint, statusCode: number): void {
    const { session } = context
    if (session === undefined) return
    const { key } = session
    const decision = this.affinity.answered(key, session.decision, endpoint.slot, statusCode)
    const settled = decision === session.decision ? session : { key, decision }
    context.session = settled
    this.counters.add(0, this.counters.column(counted[decision.outcome]), 1)
    for (const each of sessionHeaders(settled)) context.headers.push(each)
  }

  /** Reads the IDs of stored responses: the conversation's next request may contain nothing but that ID. */
  observe({ head, path, target }: RelayedAnswer): RelayObserver | undefined {
    if (!this.#learnsResponses || !hasResponseId(path, head)) return undefined
    return new ResponseIdReader((id) => {
      this.affinity.store.set(this.#keys.responseKey(id), target.endpoint.slot)
    })
  }

  #keyOf({ context, path, body }: SessionedRequest): SessionKey | undefined {
    return this.readKey({
      rawHeaders: context.rawHeaders,
      path,
      body: Buffer.isBuffer(body) ? body : undefined,
      model: context.model,
      caller: ownerOf(context),
      clientAddress: context.clientAddress,
    })
  }
}

/** Flat name/value pairs. */
export function sessionHeaders({ key, decision }: RequestSession): string[] {
  const { outcome, reason, match } = decision
  const headers = ['X-Olla-Sticky-Session', outcome]
  if (key === undefined) return headers
  headers.push('X-Olla-Sticky-Key-Source', key.source)
  if (key.sessionId !== undefined && isHeaderValue(key.sessionId)) {
    headers.push('X-Olla-Session-ID', key.sessionId)
  }
  const depth = depthOf(key, decision)
  if (depth !== undefined && match !== undefined) headers.push('X-Olla-Sticky-Depth', depth)
  if (outcome === 'repin') headers.push('X-Olla-Sticky-Reason', reason)
  return headers
}

/** How many of a conversation's messages matched the end of an earlier request: `6/8`. */
export function depthOf({ chain }: SessionKey, { match }: SessionDecision): string | undefined {
  return chain === undefined ? undefined : `${match?.messages ?? 0}/${chain.keys.length - 1}`
}
