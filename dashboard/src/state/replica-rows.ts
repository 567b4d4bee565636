import type { MemberRow } from '../api/types.ts'

/** A heartbeat that is later than this is late: the usual interval and a slow round trip. */
const lateMs = 1_000

export function isLate({ lag_ms }: Pick<MemberRow, 'lag_ms'>): boolean {
  return lag_ms > lateMs
}

/** Sums over all replicas. */
export function totalsOf(members: readonly Pick<MemberRow, 'in_flight' | 'requests'>[]): {
  readonly inFlight: number
  readonly requests: number
} {
  let inFlight = 0
  let requests = 0
  for (const member of members) {
    inFlight += member.in_flight
    requests += member.requests ?? 0
  }
  return { inFlight, requests }
}
