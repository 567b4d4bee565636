import assert from 'node:assert/strict'
import type { Endpoint } from '../../../src/endpoints/registry/endpoint.ts'
import { HeadMemory } from '../../../src/routing/affinity/head-memory.ts'
import { type SessionKey, SessionKeys } from '../../../src/routing/affinity/key-sources.ts'
import {
  SessionAffinity,
  type SessionAffinityOptions,
} from '../../../src/routing/affinity/session-affinity.ts'
import { LocalSessionStore } from '../../../src/routing/affinity/session-store.ts'
import type { RoutedEndpoint } from '../../../src/routing/models/router.ts'
import type { Candidate, EndpointLoad } from '../../../src/routing/selection/selector.ts'
import { endpoint } from '../../observe/stats/fixtures.ts'
import { FakeClock } from '../../support/fake-clock.ts'

class WrittenLoad implements EndpointLoad {
  readonly requests = new Map<number, number>()
  readonly penalties = new Map<number, number>()
  readonly shares = new Map<number, number>()
  readonly closed = new Set<number>()

  inFlight(slot: number): number {
    return this.requests.get(slot) ?? 0
  }

  share(slot: number): number {
    return this.shares.get(slot) ?? 1
  }

  penalty({ endpoint }: Candidate): number {
    return this.penalties.get(endpoint.slot) ?? 0
  }

  admits({ endpoint }: Candidate): boolean {
    return !this.closed.has(endpoint.slot)
  }

  add(slot: number, count: number): void {
    this.requests.set(slot, this.inFlight(slot) + count)
  }
}

export type Setting = Partial<Endpoint> & { isWarm?: boolean }

export function setUp(settings: readonly Setting[], options: Partial<SessionAffinityOptions> = {}) {
  const clock = new FakeClock()
  const load = new WrittenLoad()
  const affinity = new SessionAffinity(
    {
      store: new LocalSessionStore({ clock, maxSessions: 1000, idleTtlMs: 600_000 }),
      heads: new HeadMemory(clock, 600_000),
      load,
    },
    { priorityTiers: true, loadBound: 1.5, ...options },
  )
  const candidates = settings.map(
    ({ isWarm, ...each }, slot): RoutedEndpoint => ({
      endpoint: endpoint({ slot, ...each }),
      nativeModel: 'm',
      sentModel: undefined,
      isWarm,
      abilities: undefined,
    }),
  )
  /** Asks, and is answered by the target or else by `slot`. */
  const ask = (key: SessionKey | undefined, slot = 0, statusCode = 200) => {
    const decision = affinity.decide(key, candidates, undefined)
    const answeredBy = decision.target?.endpoint.slot ?? slot
    const { outcome, reason } = affinity.answered(key, decision, answeredBy, statusCode)
    return { slot: answeredBy, outcome, reason }
  }
  return { clock, load, affinity, candidates, ask }
}

const keys = new SessionKeys({
  sources: ['previous_response_id', 'prefix_hash', 'session_header'],
  blockBytes: 64,
})

export function keyFor(json: unknown, rawHeaders: readonly string[] = []): SessionKey {
  const key = keys.read(
    {
      rawHeaders,
      path: '/v1/chat/completions',
      body: Buffer.from(JSON.stringify(json)),
      model: 'm',
      clientAddress: '',
    },
    () => true,
  )
  assert.ok(key !== undefined)
  return key
}

/** A chat with these texts, user and assistant in turns, behind a system prompt. */
export const chat = (system: string, ...texts: string[]) =>
  keyFor({
    messages: [
      { role: 'system', content: system },
      ...texts.map((content, at) => ({ role: at % 2 === 0 ? 'user' : 'assistant', content })),
    ],
  })
export const session = (id: string) => keyFor({}, ['X-Olla-Session-ID', id])

export const three: Setting[] = [{}, {}, {}]
