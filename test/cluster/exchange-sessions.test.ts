import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ClusterPart } from '../../src/cluster/cluster.ts'
import { Newsroom } from '../../src/cluster/membership/newsroom.ts'
import { byRank, leaderOf } from '../../src/cluster/membership/rendezvous.ts'
import { exchangeSessions } from '../../src/routing/affinity/exchange-sessions.ts'
import type { BoundSession } from '../../src/routing/affinity/replicated-session-store.ts'
import { FakeClock } from '../support/fake-clock.ts'

const names = ['zero', 'one', 'two']
const others = byRank('me', ['a', 'b', 'c'])

function create() {
  const clock = new FakeClock()
  const parts: ClusterPart[] = []
  const sent: { readonly kind: string; readonly news: object; readonly lost: (() => void) | undefined }[] = []
  const learned = new Map<number, number>()
  const news = new Newsroom('me')
  const cluster = {
    id: 'me',
    state: 'joined' as const,
    members: ['me', ...others].map((id) => ({
      id,
      version: '1',
      host: '',
      startedAtMs: 0,
      load: {},
      ageMs: 0,
    })),
    news,
    add: (part: ClusterPart) => parts.push(part),
    publish: (kind: string, published: object, lost?: () => void) =>
      sent.push({ kind, news: published, lost }),
  }
  const sessions = exchangeSessions(cluster, {
    clock,
    maxSessions: 100,
    nameOf: (slot) => names[slot],
    slotOf: (name) => names.indexOf(name),
    learn(bound: readonly BoundSession[]) {
      for (const [key, slot] of bound) learned.set(key, slot)
    },
  })
  const hear = (from: string, bound: readonly (readonly [number, string])[], to?: string) =>
    news.receive(JSON.stringify({ kind: 'sessions', by: from, bound, to }))
  const asked = () =>
    sent
      .filter(({ kind }) => kind === 'newcomer')
      .map(({ news: { from } }: { news: { from?: string } }) => from)
  return { clock, parts, sent, learned, news, sessions, hear, asked }
}

describe('exchanged sessions', () => {
  it('asks the next replica while none answers, and then no more', async () => {
    const { clock, parts, asked, hear, learned } = create()
    for (const part of parts) part.joined?.(false, false)
    assert.deepEqual(asked(), others.slice(0, 1))
    await clock.advance(250)
    assert.deepEqual(asked(), others.slice(0, 2))
    hear(others[1] ?? '', [[7, 'one']], 'me')
    await clock.advance(10_000)
    assert.deepEqual(asked(), others.slice(0, 2))
    assert.deepEqual([...learned], [[7, 1]])
  })

  it('ends after the last one', async () => {
    const { clock, parts, asked } = create()
    for (const part of parts) part.missed?.()
    await clock.advance(10_000)
    assert.deepEqual(asked(), others)
  })

  it('believes what was bound since it asked, and for the rest the answer', () => {
    const { parts, hear, learned, sessions } = create()
    hear('b', [
      [1, 'zero'],
      [2, 'zero'],
    ])
    for (const part of parts) part.missed?.()
    hear('c', [[2, 'two']])
    sessions.bound([[3, 2]])
    hear(
      'a',
      [
        [1, 'one'],
        [2, 'one'],
        [3, 'one'],
      ],
      'me',
    )
    assert.deepEqual(
      [...learned],
      [
        [1, 1],
        [2, 2],
      ],
    )
    assert.deepEqual(sessions.known().toSorted(), [
      [1, 1],
      [2, 2],
      [3, 2],
    ])
  })

  it('sends what was lost with the next heartbeat', () => {
    const { parts, sent, sessions } = create()
    sessions.bound([[5, 1]])
    sent.at(-1)?.lost?.()
    const before = sent.length
    for (const part of parts) part.beat?.()
    assert.deepEqual(
      sent.slice(before).map(({ news }) => news),
      [{ bound: [[5, 'one']] }],
    )
    for (const part of parts) part.beat?.()
    assert.equal(sent.length, before + 1)
  })

  it('answers only if it is asked, without sessions too', () => {
    const { news, sent } = create()
    news.receive(JSON.stringify({ kind: 'newcomer', by: 'b', from: 'a' }))
    assert.equal(sent.length, 0)
    news.receive(JSON.stringify({ kind: 'newcomer', by: 'b', from: 'me' }))
    assert.deepEqual(
      sent.map(({ news: published }) => published),
      [{ bound: [], to: 'b' }],
    )
  })

  it('ranks all members, the leader first', () => {
    assert.equal(others[0], leaderOf('me', ['a', 'b', 'c']))
    assert.deepEqual(others.toSorted(), ['a', 'b', 'c'])
  })
})
