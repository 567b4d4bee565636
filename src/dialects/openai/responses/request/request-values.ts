import type { JsonObject } from '../../../../kernel/json/json-fields.ts'
import { refuse } from '../../chat/request/field-values.ts'

/** Most clients send `null` for a field that they do not set. */
export function given(object: JsonObject, key: string): unknown {
  return object[key] ?? undefined
}

/** @param field path of the list in the request */
export function listOf(object: JsonObject, key: string, field = key): readonly unknown[] {
  const value = given(object, key)
  if (value === undefined) return []
  return Array.isArray(value) ? value : refuse(field, 'must be a list')
}

/** @returns undefined if the text is not JSON */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
