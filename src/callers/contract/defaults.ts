import { isDeepStrictEqual } from 'node:util'
import { decoderOf } from '../../config/file/validate.ts'
import { type Limits, LimitsSchema, type Policy, PolicySchema } from '../../config/schema/callers-schema.ts'

/** Fills in what a policy does not name. @throws Error if the value is not a policy */
export const readPolicy = decoderOf(PolicySchema)
/** Fills in what limits do not name. @throws Error if the value is not limits */
export const readLimits = decoderOf(LimitsSchema)

/** Allows everything. */
export const noPolicy: Policy = readPolicy({})
/** Limits nothing. */
export const noLimits: Limits = readLimits({})

export function allowsAll(policy: Policy): boolean {
  return isDeepStrictEqual(policy, noPolicy)
}

export function limitsNothing(limits: Limits): boolean {
  return isDeepStrictEqual(limits, noLimits)
}
