// Three ways to choose an endpoint, over the gateway's own selector and load.

import type { Clock } from '../../src/kernel/clock.ts'
import { memberSpans } from '../../src/kernel/json/body-members.ts'
import { KeyNames } from '../../src/kernel/json/key-names.ts'
import { HeadMemory } from '../../src/routing/affinity/head-memory.ts'
import { SessionKeys } from '../../src/routing/affinity/key-sources.ts'
import { SessionAffinity } from '../../src/routing/affinity/session-affinity.ts'
import { LocalSessionStore } from '../../src/routing/affinity/session-store.ts'
import type { RoutedEndpoint } from '../../src/routing/models/router.ts'
import type { EndpointLoad } from '../../src/routing/selection/selector.ts'
import { createStrategy } from '../../src/routing/selection/strategies.ts'

export interface Policy {
  readonly name: string
  /** @returns the slot that the request goes to */
  choose(body: Buffer): number
}

export interface PolicyParts {
  readonly candidates: readonly RoutedEndpoint[]
  readonly load: EndpointLoad
  readonly clock: Clock
}

export type PolicyFactory = (parts: PolicyParts) => Policy

/** Least connections only. */
export function noAffinity({ candidates, load }: PolicyParts): Policy {
  const select = createStrategy('least-connections', { priorityTiers: true })
  return {
    name: 'no affinity (least connections)',
    choose: () => select(candidates, load, undefined)?.endpoint.slot ?? 0,
  }
}

const messagesPlace = new KeyNames([['messages', 0]])

/** As Olla 0.0.29: the first 512 bytes of `messages` are the key, bound when chosen, without a bound. */
export function firstBytes({ candidates, load, clock }: PolicyParts): Policy {
  const select = createStrategy('least-connections', { priorityTiers: true })
  const store = new LocalSessionStore({ clock, maxSessions: 10_000, idleTtlMs: 600_000 })
  const keys = new Map<string, number>()
  return {
    name: "Olla's hash of the first 512 bytes",
    choose(body) {
      const span = memberSpans(body, messagesPlace)?.[0]
      const text = body.toString('latin1', span?.start, Math.min(span?.end ?? 0, (span?.start ?? 0) + 512))
      const key = keys.get(text) ?? keys.size
      keys.set(text, key)
      const slot = store.get(key) ?? select(candidates, load, undefined)?.endpoint.slot ?? 0
      store.set(key, slot)
      return slot
    },
  }
}

/** Ours: the chain of messages, with a bound on the load. */
export function prefixChain({ candidates, load, clock }: PolicyParts, loadBound = 1.5): Policy {
  const select = createStrategy('least-connections', { priorityTiers: true })
  const keys = new SessionKeys({ sources: ['prefix_hash'], blockBytes: 512 })
  const affinity = new SessionAffinity(
    {
      store: new LocalSessionStore({ clock, maxSessions: 10_000, idleTtlMs: 600_000 }),
      heads: new HeadMemory(clock, 600_000),
      load,
    },
    { priorityTiers: true, loadBound },
  )
  return {
    name: loadBound === 0 ? 'prefix chain without a bound' : `prefix chain, load bound ${loadBound}`,
    choose(body) {
      const request = {
        rawHeaders: [],
        path: '/v1/chat/completions',
        body,
        model: 'm',
        clientAddress: '127.0.0.1',
      }
      const key = keys.read(request, (known) => affinity.store.get(known) !== undefined)
      const decision = affinity.decide(key, candidates, undefined)
      const slot = (decision.target ?? select(candidates, load, undefined))?.endpoint.slot ?? 0
      affinity.answered(key, decision, slot, 200)
      return slot
    },
  }
}
