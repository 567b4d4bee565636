import { GatewayError } from '../../../kernel/errors.ts'
import type { JsonObject } from '../../../kernel/json/json-fields.ts'
import type { Feature } from '../contract/features.ts'

/** A request that cannot be read. @param field such as `input.3` */
export function invalidField(field: string, problem: string): GatewayError {
  return new GatewayError('invalid_request', `${field}: ${problem}`)
}

/** The features of the fields that a request sets. `null` and `false` set nothing. */
export function usedFields(
  request: JsonObject,
  fields: Readonly<Record<string, Feature | 'none'>>,
): Set<Feature> {
  const used = new Set<Feature>()
  for (const name in fields) {
    const feature = fields[name]
    const value = request[name]
    if (
      feature !== undefined &&
      feature !== 'none' &&
      value !== undefined &&
      value !== null &&
      value !== false
    )
      used.add(feature)
  }
  return used
}

/** @throws GatewayError invalid_request if the field is not an integer; `null` is absent */
export function integerField(request: JsonObject, name: string): number | undefined {
  const value = request[name] ?? undefined
  if (value === undefined) return undefined
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value
  throw invalidField(name, 'must be an integer')
}

/** @throws GatewayError invalid_request if the field is neither a boolean nor absent; `null` is absent */
export function booleanField(request: JsonObject, name: string): boolean | undefined {
  const value = request[name] ?? undefined
  if (value === undefined || typeof value === 'boolean') return value
  throw invalidField(name, 'must be true or false')
}
