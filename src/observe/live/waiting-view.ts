import { type Static, Type } from '@sinclair/typebox'
import { formatTime } from '../../kernel/format.ts'
import { priorities } from '../../routing/line/line-cells.ts'
import { compareRanks, type Rank } from '../../routing/line/line-rank.ts'
import { Choice, Count, NullableText, Text, Time } from '../views/fields.ts'
import { NullableNumber } from './fields.ts'

const WaitingRow = Type.Object({
  id: Text('What `DELETE /internal/inflight/{id}` and `POST /internal/queue/{id}/move-up` take.'),
  request_id: Text('The ID that the client sees, and may have chosen.'),
  thread: Count('Serving thread.'),
  position: Count('Counts from 1, over all threads; 0 for requests beyond the longest list.'),
  client: Text('Address, or the name of the caller.'),
  key_id: NullableText('ID of its API key; null without keys.'),
  session: NullableText('Of the session header; null without one.'),
  model: NullableText('As requested.'),
  priority: Choice(priorities),
  weight: Type.Number({ description: 'Share of the caller.' }),
  since: Time('When it began to wait.'),
  waited_ms: Type.Number(),
  estimate_ms: NullableNumber('Expected further wait; null until the line has been measured.'),
  tokens: Count('Estimated.'),
  ahead_tokens: Count('Of the requests before it.'),
  bytes: Count('Of its body.'),
  endpoints: Type.Array(Type.String(), { description: 'That it may go to.' }),
})

const ModelRow = Type.Object({
  model: NullableText(),
  endpoints: Type.Array(Type.String()),
  waiting: Count(),
  tokens: Count('Estimated.'),
  bytes: Count(),
  longest_wait_ms: Type.Number(),
  interval_ms: NullableNumber(
    'Average time between two requests that get a place; null until it has been measured.',
  ),
})

export const WaitingSchema = Type.Object({
  at: Time(),
  total: Count('All waiting requests, including those that are not listed.'),
  bytes: Count('Of their bodies.'),
  longest_wait_ms: Type.Number(),
  models: Type.Array(ModelRow, { description: 'By model and endpoints, most requests first.' }),
  requests: Type.Array(WaitingRow, { description: 'In the order in which they would get places now.' }),
})

export const MovedUpSchema = Type.Object({ id: Text(), request_id: Text(), moved_up: Type.Literal(true) })

export type WaitingRow = Static<typeof WaitingRow>
export type WaitingView = Omit<Static<typeof WaitingSchema>, 'at'>

/** A waiting request as its thread describes it. */
export interface WaitingEntry {
  readonly row: Omit<WaitingRow, 'position' | 'estimate_ms' | 'ahead_tokens' | 'since'> & {
    readonly since_ms: number
  }
  readonly lane: string
  /** Requests of one flow take turns one after the other; `rank` is as if it were the next. */
  readonly flow: string
  readonly rank: Rank
  readonly charge: number
  /** Of its lane; undefined until it has been measured. */
  readonly intervalMs: number | undefined
}

/** Maximum rows of a list. */
export const maxWaitingRows = 1_000

/** The order in which requests would get places, of all threads. */
function inOrder(entries: readonly WaitingEntry[]): WaitingEntry[] {
  const given = new Map<string, number>()
  return entries
    .toSorted((a, b) => a.rank.orderMs - b.rank.orderMs)
    .map((entry) => {
      const before = given.get(entry.flow) ?? 0
      given.set(entry.flow, before + entry.charge)
      return { ...entry, rank: { ...entry.rank, tag: entry.rank.tag + before } }
    })
    .sort((a, b) => compareRanks(a.rank, b.rank))
}

/** Joins what the threads say. */
export function waitingView(entries: readonly WaitingEntry[], total: number): WaitingView {
  const sorted = inOrder(entries)
  const models = new Map<string, Static<typeof ModelRow>>()
  const turns = new Map<string, number>()
  const requests: WaitingRow[] = []
  let aheadTokens = 0
  let bytes = 0
  let longestMs = 0
  for (const [
    index,
    {
      row: { since_ms: sinceMs, ...row },
      lane,
      intervalMs,
    },
  ] of sorted.entries()) {
    const turn = (turns.get(lane) ?? 0) + 1
    turns.set(lane, turn)
    requests.push({
      ...row,
      position: index + 1,
      since: formatTime(sinceMs),
      estimate_ms: intervalMs === undefined ? null : Math.round(turn * intervalMs),
      ahead_tokens: Math.round(aheadTokens),
    })
    aheadTokens += row.tokens
    bytes += row.bytes
    longestMs = Math.max(longestMs, row.waited_ms)
    const known = models.get(lane)
    models.set(lane, {
      model: row.model,
      endpoints: row.endpoints,
      waiting: turn,
      tokens: (known?.tokens ?? 0) + row.tokens,
      bytes: (known?.bytes ?? 0) + row.bytes,
      longest_wait_ms: Math.max(known?.longest_wait_ms ?? 0, row.waited_ms),
      interval_ms: intervalMs === undefined ? null : Math.round(intervalMs * 10) / 10,
    })
  }
  return {
    total: Math.max(total, sorted.length),
    bytes,
    longest_wait_ms: longestMs,
    models: [...models.values()].sort((a, b) => b.waiting - a.waiting),
    requests: requests.slice(0, maxWaitingRows),
  }
}
