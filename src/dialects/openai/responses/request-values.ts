import { GatewayError } from '../../../kernel/errors.ts'
import { isObject, type JsonObject } from '../../../kernel/json/json-fields.ts'

/** @param field such as `input.3.content` */
export function refuse(field: string, problem: string): never {
  throw new GatewayError('invalid_request', `${field}: ${problem}`)
}

/** Most clients send `null` for a field that they do not set. */
export function given(object: JsonObject, key: string): unknown {
  return object[key] ?? undefined
}

export function numberOf(object: JsonObject, key: string, field = key): number | undefined {
  const value = given(object, key)
  if (value === undefined) return undefined
  if (typeof value !== 'number' || !Number.isFinite(value)) refuse(field, 'must be a number')
  return value
}

export function integerOf(object: JsonObject, key: string, min: number): number | undefined {
  const value = numberOf(object, key)
  if (value !== undefined && (!Number.isInteger(value) || value < min)) {
    refuse(key, `must be an integer of at least ${min}`)
  }
  return value
}

export function booleanOf(object: JsonObject, key: string): boolean | undefined {
  const value = given(object, key)
  if (value !== undefined && typeof value !== 'boolean') refuse(key, 'must be true or false')
  return value
}

export function textOf(object: JsonObject, key: string, field = key): string | undefined {
  const value = given(object, key)
  if (value !== undefined && typeof value !== 'string') refuse(field, 'must be a string')
  return value
}

export function objectOf(object: JsonObject, key: string, field = key): JsonObject | undefined {
  const value = given(object, key)
  if (value !== undefined && !isObject(value)) refuse(field, 'must be an object')
  return value
}

export function listOf(object: JsonObject, key: string, field = key): readonly unknown[] {
  const value = given(object, key)
  if (value === undefined) return []
  if (!Array.isArray(value)) refuse(field, 'must be a list')
  return value
}

/** @returns undefined if the text is not JSON */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
