import type { Cluster } from '../../cluster/cluster.ts'
import { leaderOf } from '../../cluster/membership/rendezvous.ts'
import { KnownSessions, type NamedSession } from './known-sessions.ts'
import type { BoundSession } from './replicated-session-store.ts'

export interface SessionExchange {
  readonly maxSessions: number
  readonly nameOf: (slot: number) => string | undefined
  readonly slotOf: (name: string) => number | undefined
  /** Others have bound sessions. @param areOld whether what is known here is newer */
  readonly learn: (bound: readonly BoundSession[], areOld: boolean) => void
}

export interface ExchangedSessions {
  /** Takes the sessions that this replica has bound. */
  readonly bound: (bound: readonly BoundSession[]) => void
  /** What the replicas have bound last, the oldest first. */
  readonly known: () => BoundSession[]
}

/**
 * Exchanges new sessions with the other replicas. One that joins gets those of before from one of the others.
 */
export function exchangeSessions(
  cluster: Pick<Cluster, 'id' | 'memberIds' | 'publish' | 'news' | 'add' | 'state'>,
  { maxSessions, nameOf, slotOf, learn }: SessionExchange,
): ExchangedSessions {
  const known = new KnownSessions(maxSessions)
  const slotsOf = (named: readonly NamedSession[]) =>
    named.flatMap(([key, name]): BoundSession[] => {
      const slot = slotOf(name)
      return slot === undefined ? [] : [[key, slot]]
    })
  cluster.news.on('sessions', ({ bound: named, to }) => {
    if (to !== undefined && to !== cluster.id) return
    known.add(named)
    learn(slotsOf(named), to !== undefined)
  })
  cluster.news.on('newcomer', ({ by }) => {
    const others = cluster.memberIds.filter((id) => id !== by)
    if (leaderOf(by, others) !== cluster.id) return
    for (const bound of known.parts()) cluster.publish('sessions', { bound, to: by })
  })
  /** Bound while the server was away. */
  let unsent: KnownSessions | undefined
  const ask = () => cluster.publish('newcomer', {})
  cluster.add({
    joined() {
      for (const bound of unsent?.parts() ?? []) cluster.publish('sessions', { bound })
      unsent = undefined
      ask()
    },
    missed: ask,
    inexact: () => [
      'sessions: a new one goes to an endpoint by its key, others where this replica knows them',
    ],
  })
  return {
    bound(bound) {
      const named = bound.flatMap(([key, slot]): NamedSession[] => {
        const name = nameOf(slot)
        return name === undefined ? [] : [[key, name]]
      })
      known.add(named)
      if (cluster.state === 'joined') {
        cluster.publish('sessions', { bound: named })
        return
      }
      unsent ??= new KnownSessions(maxSessions)
      unsent.add(named)
    },
    known: () => [...known.parts()].flatMap(slotsOf),
  }
}
