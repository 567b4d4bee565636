import type { Static } from '@sinclair/typebox'
import type { BreakerSnapshot } from '../../endpoints/resilience/circuit-breaker.ts'
import { formatTime } from '../../kernel/format.ts'
import { type BreakerField, present } from './fields.ts'

export function breakerView({
  state,
  reason,
  sinceMs,
  retryAtMs,
}: BreakerSnapshot): Static<typeof BreakerField> {
  return {
    state,
    reason,
    ...present({
      since: sinceMs === undefined ? undefined : formatTime(sinceMs),
      retry_at: retryAtMs === undefined ? undefined : formatTime(retryAtMs),
    }),
  }
}
