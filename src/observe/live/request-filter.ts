import type { RequestOutcome } from '../../proxy/contract/outcome.ts'
import { requestOutcomes } from '../../proxy/contract/outcome.ts'
import type { RecentRequest } from './recent-requests.ts'

/** Filter for recent requests; plain data, because it goes to other threads. */
export interface RequestFilter {
  readonly model: string | undefined
  readonly endpoint: string | undefined
  readonly client: string | undefined
  readonly outcomes: readonly RequestOutcome[] | undefined
  /** Inclusive range of statuses. */
  readonly statuses: readonly [number, number] | undefined
  /** Milliseconds since the Unix epoch. */
  readonly sinceMs: number | undefined
  readonly onlyFailover: boolean
  readonly limit: number
}

/** Maximum rows per response. */
export const maxRows = 1_000

export type RequestQuery = Readonly<
  Partial<
    Record<'model' | 'endpoint' | 'client' | 'outcome' | 'status' | 'since' | 'failover' | 'limit', string>
  >
>

/** @returns an error text if a parameter is invalid */
export function readFilter(query: RequestQuery): RequestFilter | string {
  const outcomes = query.outcome?.split(',').map((text) => text.trim())
  const wrong = outcomes?.find((text) => !isOutcome(text))
  if (wrong !== undefined) return `outcome must be of ${requestOutcomes.join(', ')}, not "${wrong}"`
  const statuses = query.status === undefined ? undefined : statusRange(query.status)
  if (query.status !== undefined && statuses === undefined)
    return 'status must be a code (502) or a class (5xx)'
  const sinceMs = query.since === undefined ? undefined : timeOf(query.since)
  if (sinceMs !== undefined && Number.isNaN(sinceMs)) return 'since must be RFC 3339 or epoch milliseconds'
  const limit = query.limit === undefined ? 100 : Number(query.limit)
  if (!Number.isInteger(limit) || limit < 1 || limit > maxRows) return `limit must be from 1 to ${maxRows}`
  return {
    model: query.model?.toLowerCase(),
    endpoint: query.endpoint,
    client: query.client,
    outcomes: outcomes?.filter(isOutcome),
    statuses,
    sinceMs,
    onlyFailover: query.failover === 'true',
    limit,
  }
}

export function matches(filter: RequestFilter, request: RecentRequest): boolean {
  const { model, endpoint, client, outcomes, statuses, sinceMs } = filter
  if (model !== undefined && request.model?.toLowerCase() !== model) return false
  if (endpoint !== undefined && !touches(request, endpoint)) return false
  if (client !== undefined && request.client !== client) return false
  if (outcomes !== undefined && !outcomes.includes(request.outcome)) return false
  if (statuses !== undefined && !(request.status >= statuses[0] && request.status <= statuses[1]))
    return false
  if (sinceMs !== undefined && request.endedAtMs < sinceMs) return false
  return !filter.onlyFailover || request.attemptCount > 1
}

/** Whether the endpoint answered the request or failed an attempt of it. */
function touches(request: RecentRequest, endpoint: string): boolean {
  return (
    request.lastEndpoint === endpoint ||
    request.failedAttempts.some((attempt) => attempt.endpoint === endpoint)
  )
}

function isOutcome(text: string): text is RequestOutcome {
  return requestOutcomes.some((outcome) => outcome === text)
}

function statusRange(text: string): readonly [number, number] | undefined {
  const digit = /^([1-5])xx$/i.exec(text)?.[1]
  if (digit !== undefined) return [Number(digit) * 100, Number(digit) * 100 + 99]
  return /^[1-5]\d\d$/.test(text) ? [Number(text), Number(text)] : undefined
}

function timeOf(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : Date.parse(text)
}
