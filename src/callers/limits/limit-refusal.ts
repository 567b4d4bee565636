import { GatewayError } from '../../kernel/errors.ts'
import type { CallerLimit, Counted, SlotLimit } from './limit-plan.ts'

/** SDKs wait as long as `Retry-After` says, also for a day, before they repeat a request: longer than this they need not. */
const maxRetryMs = 60_000
/** When a request of the caller ends is unknown. */
const slotRetrySeconds = 1

const noRetry = ['x-should-retry', 'false'] as const

const names: Readonly<Record<Counted, string>> = {
  requests: 'requests',
  prompt: 'prompt tokens',
  completion: 'completion tokens',
  total: 'tokens',
  money: 'money',
}

export interface Refusing {
  readonly limit: CallerLimit
  /** Milliseconds until the request would be allowed; infinite if never. */
  readonly waitMs: number
}

/** The refusal for limits that do not allow a request. @param refusing at least one */
export function limitRefusal(refusing: readonly Refusing[]): GatewayError {
  const worst = refusing.reduce((a, b) => (isWorse(b, a) ? b : a))
  const { limit, waitMs } = worst
  const { kind, isBudget } = limit
  const subject = kind === 'key' ? 'the API key' : `the ${kind} of the API key`
  const isTooLarge = waitMs === Number.POSITIVE_INFINITY && limit.window.name !== 'ever calendar'
  const what = isBudget ? 'budget' : 'limit'
  const message = isTooLarge
    ? `The request may use more ${names[limit.counted]} than a ${what} of ${subject} allows at all (${scope(limit)}); ask for fewer with max_tokens.`
    : `A ${what} of ${subject} is reached: ${scope(limit)}.`
  const retryAfterSeconds =
    waitMs === Number.POSITIVE_INFINITY ? undefined : Math.max(1, Math.ceil(waitMs / 1000))
  return new GatewayError(isBudget ? 'insufficient_quota' : 'rate_limit_exceeded', message, {
    retryAfterSeconds,
    headers: isBudget || waitMs > maxRetryMs + maxRetryMs / 12 ? noRetry : undefined,
  })
}

export function slotRefusal({ kind, limit }: SlotLimit): GatewayError {
  const subject = kind === 'key' ? 'the API key' : `the ${kind} of the API key`
  return new GatewayError(
    'rate_limit_exceeded',
    `A limit of ${subject} is reached: ${limit} requests at a time.`,
    { retryAfterSeconds: slotRetrySeconds },
  )
}

/** A budget says more than a rate, and the longest wait is the true one. */
function isWorse(a: Refusing, b: Refusing): boolean {
  return a.limit.isBudget === b.limit.isBudget ? a.waitMs > b.waitMs : a.limit.isBudget
}

function scope({ counted, window }: CallerLimit): string {
  const [period = ''] = window.name.split(' ')
  return period === 'ever' ? names[counted] : `${names[counted]} per ${period}`
}

/** A budget in money cannot bound what has no price. */
export function noPriceRefusal(model: string | undefined): GatewayError {
  const named = model === undefined ? 'A request without a model' : 'This model'
  return new GatewayError(
    'model_not_allowed',
    `${named} has no price, and the API key has a budget in money.`,
  )
}
