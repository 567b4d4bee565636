import type { CountedLimit, LimitAmount, LimitGroup, LimitRequest, LimitVerdict } from '../contract/limits.ts'

/** A difference between what a request has reserved and used. */
export interface Difference {
  readonly key: string
  readonly bucket: number
  readonly amount: number
}

/** A request that waits for the verdict of the server. */
export interface WaitingRequest {
  readonly request: LimitRequest
  readonly thread: number
  /** Reports the verdict. @returns false if the request does not wait any more */
  readonly decide: (verdict: LimitVerdict) => boolean
  /** Set once it has been sent and does not wait any more. */
  ticket: number | undefined
  /** It has been sent, or does not wait any more. */
  isOver: boolean
}

/** What one call contains. */
export interface LimitBatch {
  readonly number: number
  readonly requests: readonly WaitingRequest[]
  readonly settled: readonly Difference[]
  readonly late: readonly LimitAmount[]
  /** Names of the slots whose numbers it contains. */
  readonly names: ReadonlySet<string>
  /** The limits of each group of its requests, among those that the call contains; known once it is encoded. */
  places: ReadonlyMap<LimitGroup, readonly number[]>
}

/** @returns whether the server's answer to the call decides about anything that must not be lost */
export function isDecisive({ requests, settled, late }: LimitBatch): boolean {
  return requests.length + settled.length + late.length > 0
}

/**
 * Arguments of the script, and the keys of limits that they refer to by index. What requests have in common is there
 * once.
 * @param unsure numbers of calls without an answer
 * @param inUse slots in use, by name
 */
export function encodeBatch(
  batch: LimitBatch,
  unsure: readonly number[],
  inUse: (name: string) => number,
): { keys: readonly string[]; text: string } {
  const { number, requests, settled, late, names } = batch
  const keys: string[] = []
  const indexes = new Map<string, number>()
  const indexOf = (key: string) => {
    const known = indexes.get(key)
    if (known !== undefined) return known
    indexes.set(key, keys.length)
    return keys.push(key) - 1
  }
  const own: Record<string, number> = {}
  for (const name of names) own[name] = inUse(name)
  const limits: number[][] = []
  const slots: (readonly (readonly [name: string, limit: number])[])[] = []
  const limitAt = onceEach<CountedLimit>(
    ({ key, bucket, limit }) => `${key} ${bucket} ${limit}`,
    ({ key, bucketMs, span, bucket, ttlMs, limit }) =>
      limits.push([indexOf(key), bucketMs, span, bucket, ttlMs, limit, Number.MAX_SAFE_INTEGER]) - 1,
  )
  const slotsAt = onceEach<LimitGroup['slots']>(
    (list) => list.map(({ key, limit }) => `${key} ${limit}`).join('\n'),
    (list) => slots.push(list.map(({ key, limit }) => [key, limit] as const)) - 1,
  )
  const groups: { s: number; l: readonly number[] }[] = []
  const groupIndexes = new Map<LimitGroup, number>()
  const places = new Map<LimitGroup, readonly number[]>()
  const lines: string[] = []
  for (let each = 0; each < requests.length; each++) {
    const request = requests[each]?.request
    if (request === undefined) continue
    const { group, amounts, known } = request
    let groupAt = groupIndexes.get(group)
    if (groupAt === undefined) {
      const ofGroup = group.limits.map(limitAt)
      groupAt = groups.push({ s: slotsAt(group.slots), l: ofGroup }) - 1
      groupIndexes.set(group, groupAt)
      places.set(group, ofGroup)
    }
    const ofGroup = groups[groupAt]?.l ?? []
    for (let at = 0; at < ofGroup.length; at++) {
      const row = limits[ofGroup[at] ?? 0]
      const before = known[at] ?? 0
      // A request knows those before it in the call: the least is what was known before the call.
      if (row !== undefined && before < (row[knownAt] ?? 0)) row[knownAt] = before
    }
    lines.push(amounts.length === 0 ? `[${groupAt}]` : `[${groupAt},${amounts.join()}]`)
  }
  batch.places = places
  const data = {
    number,
    unsure,
    own,
    settled: settled.map(({ key, bucket, amount }) => [indexOf(key), bucket, amount]),
    late: late.map(({ of: { key, bucketMs, bucket, ttlMs }, amount }) => [
      indexOf(key),
      bucketMs,
      bucket,
      ttlMs,
      amount,
    ]),
    limits,
    slots,
    groups,
  }
  // Requests are the most, and of numbers alone.
  return { keys, text: `${JSON.stringify(data).slice(0, -1)},"requests":[${lines.join()}]}` }
}

/**
 * Finds the index of each thing that is the same object as one before or, from another thread, has the same text.
 * @param add returns the index of a new one
 */
function onceEach<T extends object>(textOf: (thing: T) => string, add: (thing: T) => number) {
  const byObject = new Map<T, number>()
  const byText = new Map<string, number>()
  return (thing: T): number => {
    const known = byObject.get(thing)
    if (known !== undefined) return known
    const text = textOf(thing)
    const index = byText.get(text) ?? add(thing)
    byText.set(text, index)
    byObject.set(thing, index)
    return index
  }
}

/** Place of what the replica knows in the row of a limit. */
const knownAt = 6

/** The server's answer to one call: the buckets of its limits, then the verdicts. */
export type LimitAnswer = readonly unknown[]

export type LimitReply =
  /** @property earlier answers to calls that were unsure; undefined for one that has not run, and will not */
  | {
      readonly kind: 'ok'
      readonly answer: LimitAnswer
      readonly earlier: readonly (LimitAnswer | undefined)[]
    }
  /** The call has changed nothing. */
  | { readonly kind: 'lost' | 'late' }

/** Reads what `limitsScript` returns. @throws Error if it is something else */
export function parseReply(reply: unknown): LimitReply {
  if (!Array.isArray(reply)) throw new Error('unexpected answer of the server')
  const [kind, text, ...earlier] = reply.map(String)
  if (kind === 'lost' || kind === 'late') return { kind }
  if (kind !== 'ok') throw new Error('unexpected answer of the server')
  return {
    kind,
    answer: parseAnswer(text ?? ''),
    earlier: earlier.map((each) => (each === '' ? undefined : parseAnswer(each))),
  }
}

function parseAnswer(text: string): LimitAnswer {
  const answer: unknown = JSON.parse(text)
  return Array.isArray(answer) ? answer : []
}

const away: LimitVerdict = { kind: 'away' }

/** The verdicts on the requests of a call. */
export function verdictsOf({ requests, places }: LimitBatch, answer: LimitAnswer): LimitVerdict[] {
  const [first] = answer
  const buckets = Array.isArray(first) ? first.map(Number) : []
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

function refusalOf(value: unknown): LimitVerdict {
  if (!Array.isArray(value)) return away
  const [kind, at = 0, total = 0, waitMs = 0] = value.map(Number)
  return kind === 2 ? { kind: 'amount', at, total, waitMs } : { kind: 'slot', at }
}
