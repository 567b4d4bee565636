import { Type } from '@sinclair/typebox'

/** What does not exist (yet) is null in these answers, never left out. */
export const NullableText = (description?: string) =>
  Type.Unsafe<string | null>({
    type: ['string', 'null'],
    ...(description === undefined ? {} : { description }),
  })
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

/** Null where routing has not come to a decision. */
export const RoutingField = Type.Object({
  strategy: NullableText('Null where the request names no model.'),
  decision: NullableText(),
  reason: NullableText(),
})

/** To a tenth of a millisecond; null for what is not known. */
export function tenths(ms: number | undefined): number | null {
  return ms === undefined || Number.isNaN(ms) ? null : Math.round(ms * 10) / 10
}

/** Null for what is not known. */
export function known(value: number): number | null {
  return Number.isNaN(value) ? null : value
}
