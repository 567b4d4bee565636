import type { SubjectKind } from '../contract/records.ts'
import { moneyUnit } from '../prices/price-table.ts'
import type { CallerLimit } from './limit-plan.ts'

/** A budget that has reached the share at which it warns. */
export interface LimitWarning {
  readonly kind: SubjectKind
  readonly id: string
  readonly counted: string
  readonly window: string
  /** Tokens, or money. */
  readonly used: number
  readonly limit: number
}

/** @param used in what the limit counts */
export function limitWarning({ kind, id, counted, window, limit }: CallerLimit, used: number): LimitWarning {
  const scale = counted === 'money' ? moneyUnit : 1
  return { kind, id, counted, window: window.name, used: used * scale, limit: limit * scale }
}
