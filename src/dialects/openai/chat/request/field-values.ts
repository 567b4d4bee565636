import { GatewayError } from '../../../../kernel/errors.ts'
import { isObject, type JsonObject } from '../../../../kernel/json/json-fields.ts'

/** @throws GatewayError invalid_request that names the field */
export function refuse(field: string, problem: string): never {
  throw new GatewayError('invalid_request', `${field}: ${problem}`)
}

/**
 * A number, or text that is one, as servers accept.
 * @param at path of `object` in the request, with its `.`, or ''
 * @returns undefined if the field is absent or null
 * @throws GatewayError invalid_request
 */
export function numberOf(object: JsonObject, key: string, at = ''): number | undefined {
  const value = object[key]
  if (value === undefined || value === null) return undefined
  const text = typeof value === 'string' ? value : rawNumber(value)
  const number =
    typeof value === 'number' ? value : text === undefined || text.trim() === '' ? Number.NaN : Number(text)
  return Number.isFinite(number) ? number : refuse(at + key, 'must be a number')
}

/** @throws GatewayError invalid_request */
export function integerOf(object: JsonObject, key: string, at = ''): number | undefined {
  const number = numberOf(object, key, at)
  return number === undefined || Number.isInteger(number) ? number : refuse(at + key, 'must be an integer')
}

/** @throws GatewayError invalid_request */
export function booleanOf(object: JsonObject, key: string, at = ''): boolean | undefined {
  const value = object[key]
  if (value === undefined || value === null) return undefined
  if (value === true || value === 'true') return true
  return value === false || value === 'false' ? false : refuse(at + key, 'must be true or false')
}

/** @throws GatewayError invalid_request */
export function textOf(object: JsonObject, key: string, at = ''): string | undefined {
  const value = object[key]
  if (value === undefined || value === null) return undefined
  return typeof value === 'string' ? value : refuse(at + key, 'must be a string')
}

/** @throws GatewayError invalid_request */
export function objectOf(object: JsonObject, key: string, at = ''): JsonObject | undefined {
  const value = object[key]
  if (value === undefined || value === null) return undefined
  return isObject(value) ? value : refuse(at + key, 'must be an object')
}

/** The digits of an integer beyond 2^53; see `parseLossless`. */
function rawNumber(value: unknown): string | undefined {
  return isObject(value) && typeof value.rawJSON === 'string' ? value.rawJSON : undefined
}
