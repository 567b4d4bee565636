import type { CountedLimit, LimitGroup } from '../contract/limits.ts'
import type { LimitBatch } from './limit-batch.ts'

/**
 * Arguments of the script, and the keys of limits that they refer to by index. What requests have in common is there
 * once.
 * @param known epoch of the server, and number of the last call with an answer
 * @param unsure numbers of calls without an answer
 * @param slotsOf slots that the server is to count as held, by name
 * @param wanted number of requests for which a group wants a lease
 */
export function encodeBatch(
  batch: LimitBatch,
  known: { readonly epoch: string; readonly acked: number },
  unsure: readonly number[],
  slotsOf: (name: string) => number,
  wanted: (group: LimitGroup) => number,
): { keys: readonly string[]; text: string } {
  const { number, requests, settled, late, names, freed, isRecalled } = batch
  const keys: string[] = []
  const indexes = new Map<string, number>()
  const indexOf = (key: string) => {
    const known = indexes.get(key)
    if (known !== undefined) return known
    indexes.set(key, keys.length)
    return keys.push(key) - 1
  }
  const own: Record<string, number> = {}
  for (const name of names) own[name] = slotsOf(name)
  const limits: number[][] = []
  const counted: CountedLimit[] = []
  const slots: (readonly (readonly [name: string, limit: number])[])[] = []
  const limitAt = onceEach<CountedLimit>(
    ({ key, bucket, limit }) => `${key} ${bucket} ${limit}`,
    (of) => {
      const { key, bucketMs, span, bucket, ttlMs, limit } = of
      counted.push(of)
      return limits.push([indexOf(key), bucketMs, span, bucket, ttlMs, limit, Number.MAX_SAFE_INTEGER]) - 1
    },
  )
  const slotsAt = onceEach<LimitGroup['slots']>(
    (list) => list.map(({ key, limit }) => `${key} ${limit}`).join('\n'),
    (list) => slots.push(list.map(({ key, limit }) => [key, limit] as const)) - 1,
  )
  const groups: { s: number; l: readonly number[]; w: number }[] = []
  const encoded: LimitGroup[] = []
  const groupsByText = new Map<string, number>()
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
      const s = slotsAt(group.slots)
      // Those of several threads are equal.
      const text = `${s} ${ofGroup.join()}`
      groupAt = groupsByText.get(text)
      if (groupAt === undefined) {
        groupAt = groups.push({ s, l: ofGroup, w: wanted(group) }) - 1
        groupsByText.set(text, groupAt)
        encoded.push(group)
      }
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
  batch.groups = encoded
  batch.limits = counted
  const data = {
    number,
    ...known,
    unsure,
    own,
    freed,
    recalled: Number(isRecalled),
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
