import { Type } from '@sinclair/typebox'
import { NullableText } from '../views/fields.ts'

/** These responses use null for missing values and never omit a field. */
export const NullableNumber = (description?: string) =>
  Type.Unsafe<number | null>({
    type: ['number', 'null'],
    ...(description === undefined ? {} : { description }),
  })
export const NullableFlag = (description?: string) =>
  Type.Unsafe<boolean | null>({
    type: ['boolean', 'null'],
    ...(description === undefined ? {} : { description }),
  })

/** Null before routing has decided. */
export const RoutingField = Type.Object({
  strategy: NullableText('Null if the request names no model.'),
  decision: NullableText(),
  reason: NullableText(),
})

/** Rounds to a tenth of a millisecond; null if unknown. */
export function tenths(ms: number | undefined): number | null {
  return ms === undefined || Number.isNaN(ms) ? null : Math.round(ms * 10) / 10
}

/** Null if unknown. */
export function known(value: number): number | null {
  return Number.isNaN(value) ? null : value
}
