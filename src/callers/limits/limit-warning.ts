import type { SubjectKind } from '../contract/records.ts'
import { moneyUnit } from '../prices/price-table.ts'
import type { CallerLimit } from './limit-plan.ts'

/** `soft`: it has reached the share at which it warns; `reached`: it has refused a request. */
export type WarningState = 'soft' | 'reached'

/** A limit that warns, or that has refused a request: at most once for each window. */
export interface LimitWarning {
  readonly isBudget: boolean
  readonly state: WarningState
  readonly kind: SubjectKind
  readonly id: string
  readonly counted: string
  readonly window: string
  /** Tokens, or money. */
  readonly used: number
  readonly limit: number
  /** RFC 3339; null if it never begins anew. */
  readonly resetsAt: string | null
}

/**
 * @param used in what the limit counts
 * @param resetsAtMs since the epoch; infinite if it never begins anew
 */
export function limitWarning(
  state: WarningState,
  { kind, id, counted, window, limit, isBudget }: CallerLimit,
  used: number,
  resetsAtMs: number,
): LimitWarning {
  const scale = counted === 'money' ? moneyUnit : 1
  const resetsAt = Number.isFinite(resetsAtMs) ? new Date(Math.round(resetsAtMs)).toISOString() : null
  return {
    isBudget,
    state,
    kind,
    id,
    counted,
    window: window.name,
    used: used * scale,
    limit: limit * scale,
    resetsAt,
  }
}
