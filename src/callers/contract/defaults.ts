import { isDeepStrictEqual } from 'node:util'
import { decode } from '../../config/file/decode.ts'
import { type Limits, LimitsSchema, type Policy, PolicySchema } from '../../config/schema/callers-schema.ts'

/** Allows everything. */
export const noPolicy: Policy = decode(PolicySchema, {}) as Policy
/** Limits nothing. */
export const noLimits: Limits = decode(LimitsSchema, {}) as Limits

export function allowsAll(policy: Policy): boolean {
  return isDeepStrictEqual(policy, noPolicy)
}

export function limitsNothing(limits: Limits): boolean {
  return isDeepStrictEqual(limits, noLimits)
}
