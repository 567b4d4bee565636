/** A parsed JSON object with unknown members. */
export type JsonObject = Readonly<Record<string, unknown>>

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

// Each of the following has another form for a value that was read by its name: where requests and answers of one
// shape are read all the time, V8 finds a name in the code faster than a key that is passed to a function.

/** @returns undefined if the value is not a string */
export function asText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** @returns undefined if the value is not a finite number */
export function asNumber(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

export function asObject(value: unknown): JsonObject | undefined {
  return isObject(value) ? value : undefined
}

/** @returns an empty array if the value is not an array */
export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : noItems
}

const noItems: readonly unknown[] = []

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
