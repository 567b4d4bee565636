import type { LimitGroup, LimitVerdict } from '../contract/limits.ts'
import type { KnownAmounts } from './known-amounts.ts'
import type { GrantedLease, LimitBatch } from './limit-batch.ts'

/** The server's answer to one call: the buckets of its limits, then the verdicts, then leases. */
export type LimitAnswer = readonly unknown[]

export type LimitReply =
  | {
      readonly kind: 'ok'
      readonly answer: LimitAnswer
      /** Answers to calls that were unsure; undefined for one that has not run, and will not. */
      readonly earlier: readonly (LimitAnswer | undefined)[]
      /** The server's time and the amounts that it then had; empty for a repeated call. */
      readonly amounts: readonly number[]
    }
  /** The call has changed nothing. */
  | { readonly kind: 'lost' | 'late' | 'behind' }

/**
 * Reads what `limitsScript` returns.
 * @param unsure number of the calls that it was asked about
 * @throws Error if it is something else
 */
export function parseReply(reply: unknown, unsure: number): LimitReply {
  if (!Array.isArray(reply)) throw new Error('unexpected answer of the server')
  const [kind, text, ...rest] = reply.map(String)
  if (kind === 'lost' || kind === 'late' || kind === 'behind') return { kind }
  if (kind !== 'ok') throw new Error('unexpected answer of the server')
  return {
    kind,
    answer: parseAnswer(text ?? ''),
    earlier: rest.slice(0, unsure).map((each) => (each === '' ? undefined : parseAnswer(each))),
    amounts: rest[unsure]?.split(',').map(Number) ?? [],
  }
}

function parseAnswer(text: string): LimitAnswer {
  const answer: unknown = JSON.parse(text)
  return Array.isArray(answer) ? answer : []
}

/** Notes the amounts that the server had after a call. @param amounts as `limitsScript` returns them */
export function noteAmounts(
  known: KnownAmounts,
  { number, settled, late, limits }: LimitBatch,
  answer: LimitAnswer,
  amounts: readonly number[],
): void {
  const [atUs] = amounts
  if (atUs === undefined) return
  const seen = { call: number, atUs }
  let at = 1
  for (const { key, bucket } of settled) known.changed(key, bucket, amounts[at++] ?? 0, seen)
  for (const { of } of late) known.saw(of, amounts[at++] ?? 0, amounts[at++] ?? 0, seen)
  const buckets = bucketsOf(answer)
  for (let index = 0; index < limits.length; index++) {
    const of = limits[index]
    if (of !== undefined) known.saw(of, buckets[index] ?? 0, amounts[at++] ?? 0, seen)
  }
}

const away: LimitVerdict = { kind: 'away' }

/** The verdicts on the requests of a call. */
export function verdictsOf({ requests, places }: LimitBatch, answer: LimitAnswer): LimitVerdict[] {
  const buckets = bucketsOf(answer)
  const reserved = new Map<LimitGroup, LimitVerdict>()
  return requests.map(({ request: { group } }, at) => {
    const verdict = answer[at + 1]
    if (verdict !== 1) return refusalOf(verdict)
    let known = reserved.get(group)
    if (known === undefined) {
      const ofGroup = places.get(group) ?? []
      known = { kind: 'reserved', buckets: ofGroup.map((limit) => buckets[limit] ?? 0) }
      reserved.set(group, known)
    }
    return known
  })
}

/** Whether a request that was refused may ask again, because other replicas give leases back. */
export function mayAskAgain(answer: LimitAnswer, at: number): boolean {
  const verdict = answer[at + 1]
  return Array.isArray(verdict) && verdict[verdict[0] === 2 ? 4 : 2] === 1
}

/** The leases that the server has granted with a call. */
export function leasesOf({ requests, places, groups }: LimitBatch, answer: LimitAnswer): GrantedLease[] {
  if (answer.length <= requests.length + 1) return []
  const buckets = bucketsOf(answer)
  return answer.slice(requests.length + 1).flatMap((row) => {
    const [groupAt = -1, ms = 0, ...numbers] = Array.isArray(row) ? row.map(Number) : []
    const group = groups[groupAt]
    if (group === undefined) return []
    const count = group.limits.length
    const ofGroup = (places.get(group) ?? []).map((limit) => buckets[limit] ?? 0)
    return [{ group, ms, buckets: ofGroup, amounts: numbers.slice(0, count), slots: numbers.slice(count) }]
  })
}

function bucketsOf([first]: LimitAnswer): readonly number[] {
  return Array.isArray(first) ? first.map(Number) : []
}

function refusalOf(value: unknown): LimitVerdict {
  if (!Array.isArray(value)) return away
  const [kind, at = 0, total = 0, waitMs = 0] = value.map(Number)
  return kind === 2 ? { kind: 'amount', at, total, waitMs } : { kind: 'slot', at }
}
