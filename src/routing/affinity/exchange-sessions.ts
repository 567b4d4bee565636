import type { Cluster } from '../../cluster/cluster.ts'
import { byRank } from '../../cluster/membership/rendezvous.ts'
import type { Clock, Timer } from '../../kernel/clock.ts'
import { KnownSessions, type NamedSession } from './known-sessions.ts'
import type { BoundSession } from './replicated-session-store.ts'

export interface SessionExchange {
  readonly clock: Pick<Clock, 'after'>
  readonly maxSessions: number
  readonly nameOf: (slot: number) => string | undefined
  readonly slotOf: (name: string) => number | undefined
  /** Others have bound sessions. @param areOld whether they were bound before this replica asked for them */
  readonly learn: (bound: readonly BoundSession[], areOld: boolean) => void
}

export interface ExchangedSessions {
  /** Takes the sessions that this replica has bound. */
  readonly bound: (bound: readonly BoundSession[]) => void
  /** What the replicas have bound last, the oldest first. */
  readonly known: () => BoundSession[]
}

/** A replica that does not answer in this time may be dead: the next one is asked. */
const answerMs = 200
/** Answers arrive within this time after the first. */
const settleMs = 5_000

/**
 * Exchanges new sessions with the other replicas. One that joins, or may have missed messages, gets those of before from
 * one of the others.
 */
export function exchangeSessions(
  cluster: Pick<Cluster, 'id' | 'members' | 'publish' | 'news' | 'add' | 'state'>,
  { clock, maxSessions, nameOf, slotOf, learn }: SessionExchange,
): ExchangedSessions {
  const known = new KnownSessions(maxSessions)
  /** Bound while the server was away, or in a message that was lost. */
  let unsent: KnownSessions | undefined
  /** Bound since this replica asked: an answer may be older. */
  let fresh: Set<number> | undefined
  let timer: Timer | undefined
  const slotsOf = (named: readonly NamedSession[]) =>
    named.flatMap(([key, name]): BoundSession[] => {
      const slot = slotOf(name)
      return slot === undefined ? [] : [[key, slot]]
    })
  const freshen = (named: readonly NamedSession[]) => {
    if (fresh !== undefined) for (const [key] of named) fresh.add(key)
  }
  const keep = (named: readonly NamedSession[]) => {
    unsent ??= new KnownSessions(maxSessions)
    unsent.add(named)
  }
  const send = (named: readonly NamedSession[]) =>
    cluster.publish('sessions', { bound: named }, () => keep(named))
  function sendKept(): void {
    const parts = unsent?.parts()
    unsent = undefined
    for (const named of parts ?? []) send(named)
  }
  /** Asks one of the others after the other, until one answers. */
  function ask(turn = 0): void {
    timer?.cancel()
    timer = undefined
    if (turn === 0) fresh = new Set(unsent?.keys())
    const others = cluster.members.map(({ id }) => id).filter((id) => id !== cluster.id)
    const from = byRank(cluster.id, others)[turn]
    if (from === undefined) {
      fresh = undefined
      return
    }
    cluster.publish('newcomer', { from })
    timer = clock.after(answerMs, () => ask(turn + 1))
  }
  cluster.news.on('sessions', ({ bound: named, to }) => {
    if (to === undefined) {
      known.add(named)
      freshen(named)
      learn(slotsOf(named), false)
      return
    }
    if (to !== cluster.id) return
    timer?.cancel()
    timer = clock.after(settleMs, () => {
      fresh = undefined
    })
    const older = fresh === undefined ? named : named.filter(([key]) => fresh?.has(key) !== true)
    known.add(older)
    learn(slotsOf(older), true)
  })
  cluster.news.on('newcomer', ({ by, from }) => {
    if (from !== cluster.id) return
    const parts = [...known.parts()]
    // Without sessions too: the asker waits for an answer.
    for (const bound of parts.length === 0 ? [[]] : parts) cluster.publish('sessions', { bound, to: by })
  })
  cluster.add({
    joined() {
      ask()
      sendKept()
    },
    missed: () => ask(),
    beat() {
      if (cluster.state === 'joined') sendKept()
    },
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
      freshen(named)
      if (cluster.state === 'joined') send(named)
      else keep(named)
    },
    known: () => [...known.parts()].flatMap(slotsOf),
  }
}
