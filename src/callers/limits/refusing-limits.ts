import { type CallerLimit, countedKinds } from './limit-plan.ts'
import type { Refusing } from './limit-refusal.ts'
import type { Moment } from './window.ts'

export const requestsAt = countedKinds.indexOf('requests')
const totalAt = countedKinds.indexOf('total')

/**
 * Whether a limit of which a request uses nothing must not be used up. A request with tokens of a free model need not
 * have money; one without tokens, such as a file, must have some of everything.
 */
export function mustHaveLeft({ countedAt }: CallerLimit, amounts: ArrayLike<number>): boolean {
  return countedAt !== requestsAt && amounts[totalAt] === 0
}

/** Which limits do not allow a request, and for how long if no other request comes. */
export function refusingLimits(
  limits: readonly CallerLimit[],
  amounts: ArrayLike<number>,
  moment: Moment,
): Refusing[] {
  const refusing: Refusing[] = []
  for (const limit of limits) {
    const amount = amounts[limit.countedAt] || Number(mustHaveLeft(limit, amounts))
    if (amount === 0) continue
    const waitMs = waitFor(limit, amount, moment)
    if (waitMs > 0) refusing.push({ limit, waitMs })
  }
  return refusing
}

export function waitFor({ row, window, limit }: CallerLimit, amount: number, moment: Moment): number {
  if (amount > limit) return Number.POSITIVE_INFINITY
  const current = Math.max(window.bucketAt(moment), row.bucket)
  let sum = row.sum(current)
  if (sum + amount <= limit) return 0
  for (let bucket = Math.max(0, current - window.span); bucket <= current; bucket++) {
    sum -= row.read(bucket)
    if (sum + amount <= limit) return window.leavesInMs(bucket, moment)
  }
  return Number.POSITIVE_INFINITY
}

export function newestWith({ row, window }: CallerLimit, current: number): number | undefined {
  for (let bucket = current; bucket >= Math.max(0, current - window.span); bucket--)
    if (row.read(bucket) > 0) return bucket
  return undefined
}
