/** A parsed JSON object with unknown members. */
export type JsonObject = Readonly<Record<string, unknown>>

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** @returns undefined if the field is absent or not a string */
export function textField(object: JsonObject, key: string): string | undefined {
  const value = object[key]
  return typeof value === 'string' ? value : undefined
}

/** @returns undefined if the field is absent or not a finite number */
export function numberField(object: JsonObject, key: string): number | undefined {
  const value = object[key]
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

export function objectField(object: JsonObject, key: string): JsonObject | undefined {
  const value = object[key]
  return isObject(value) ? value : undefined
}

/** @returns an empty array if the field is absent or not an array */
export function listField(object: JsonObject, key: string): readonly unknown[] {
  const value: unknown = object[key]
  return Array.isArray(value) ? value : []
}
