import type { LimitAmount, LimitRequest, LimitVerdict } from '../contract/limits.ts'

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
}

/** @returns whether the server's answer to the call decides about anything that must not be lost */
export function isDecisive({ requests, settled, late }: LimitBatch): boolean {
  return requests.length + settled.length + late.length > 0
}

/**
 * Arguments of the script, and the keys of limits that they refer to by index.
 * @param unsure numbers of calls without an answer
 * @param inUse slots in use, by name
 */
export function encodeBatch(
  { number, requests, settled, late, names }: LimitBatch,
  unsure: readonly number[],
  inUse: (name: string) => number,
): { keys: readonly string[]; text: string } {
  const keys: string[] = []
  const indexes = new Map<string, number>()
  const indexOf = (key: string) => {
    const known = indexes.get(key)
    if (known !== undefined) return known
    indexes.set(key, keys.length)
    return keys.push(key) - 1
  }
  const data = {
    number,
    unsure,
    own: Object.fromEntries([...names].map((name) => [name, inUse(name)])),
    settled: settled.map(({ key, bucket, amount }) => [indexOf(key), bucket, amount]),
    late: late.map(({ of: { key, bucketMs, bucket, ttlMs }, amount }) => [
      indexOf(key),
      bucketMs,
      bucket,
      ttlMs,
      amount,
    ]),
    requests: requests.map(({ request: { amounts, slots } }) => ({
      s: slots.map(({ key, limit }) => [key, limit]),
      a: amounts.map(({ of, amount, known }) => [
        indexOf(of.key),
        of.bucketMs,
        of.span,
        of.bucket,
        of.ttlMs,
        of.limit,
        amount,
        known,
      ]),
    })),
  }
  return { keys, text: JSON.stringify(data) }
}

export type LimitReply =
  /** @property earlier answers to calls that were unsure; undefined for one that has not run, and will not */
  | { readonly kind: 'ok'; readonly verdicts: Verdicts; readonly earlier: readonly (Verdicts | undefined)[] }
  /** The call has changed nothing. */
  | { readonly kind: 'lost' | 'late' }

export type Verdicts = readonly LimitVerdict[]

/** Reads what `limitsScript` returns. @throws Error if it is something else */
export function parseReply(reply: unknown): LimitReply {
  if (!Array.isArray(reply)) throw new Error('unexpected answer of the server')
  const [kind, text, ...earlier] = reply.map(String)
  if (kind === 'lost' || kind === 'late') return { kind }
  if (kind !== 'ok') throw new Error('unexpected answer of the server')
  return {
    kind,
    verdicts: parseVerdicts(text ?? ''),
    earlier: earlier.map((each) => (each === '' ? undefined : parseVerdicts(each))),
  }
}

const away: LimitVerdict = { kind: 'away' }

function parseVerdicts(text: string): Verdicts {
  const verdicts: unknown = JSON.parse(text)
  return Array.isArray(verdicts) ? verdicts.map(parseVerdict) : []
}

function parseVerdict(value: unknown): LimitVerdict {
  if (!Array.isArray(value)) return away
  const [kind, ...rest] = value.map(Number)
  if (kind === 1) {
    const buckets = rest.filter((_, index) => index % 2 === 0)
    return { kind: 'reserved', buckets, totals: rest.filter((_, index) => index % 2 === 1) }
  }
  const [at = 0, total = 0, waitMs = 0] = rest
  return kind === 2 ? { kind: 'amount', at, total, waitMs } : { kind: 'slot', at }
}
