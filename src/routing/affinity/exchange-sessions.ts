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

/**
 * Exchanges new sessions with the other replicas. One that joins gets those of before from one of the others.
 * @returns takes the sessions that this replica has bound
 */
export function exchangeSessions(
  cluster: Pick<Cluster, 'id' | 'memberIds' | 'publish' | 'news' | 'add'>,
  { maxSessions, nameOf, slotOf, learn }: SessionExchange,
): (bound: readonly BoundSession[]) => void {
  const known = new KnownSessions(maxSessions)
  cluster.news.on('sessions', ({ bound: named, to }) => {
    if (to !== undefined && to !== cluster.id) return
    known.add(named)
    const bound = named.flatMap(([key, name]): BoundSession[] => {
      const slot = slotOf(name)
      return slot === undefined ? [] : [[key, slot]]
    })
    learn(bound, to !== undefined)
  })
  cluster.news.on('newcomer', ({ by }) => {
    const others = cluster.memberIds.filter((id) => id !== by)
    if (leaderOf(by, others) !== cluster.id) return
    for (const bound of known.parts()) cluster.publish('sessions', { bound, to: by })
  })
  cluster.add({
    joined(_isReturn, hasLapsed) {
      if (hasLapsed) cluster.publish('newcomer', {})
    },
    inexact: () => [
      'sessions: a new one goes to an endpoint by its key, others where this replica knows them',
    ],
  })
  return (bound) => {
    const named = bound.flatMap(([key, slot]): NamedSession[] => {
      const name = nameOf(slot)
      return name === undefined ? [] : [[key, name]]
    })
    known.add(named)
    cluster.publish('sessions', { bound: named })
  }
}
