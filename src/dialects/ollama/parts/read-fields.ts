import { GatewayError } from '../../../kernel/errors.ts'
import type { JsonObject } from '../../../kernel/json/json-fields.ts'

/**
 * @param message names the field
 * @throws GatewayError invalid_request
 */
export function refuse(message: string): never {
  throw new GatewayError('invalid_request', message)
}

/** Go's decoder treats null as an absent field. */
export function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null
}

/** Go's clients send every field, so '' means absent. */
export function optionalText(object: JsonObject, key: string, path = key): string | undefined {
  const value = object[key]
  if (!isGiven(value) || value === '') return undefined
  return typeof value === 'string' ? value : refuse(`${path}: must be a string`)
}

export function optionalFlag(object: JsonObject, key: string): boolean | undefined {
  const value = object[key]
  if (!isGiven(value)) return undefined
  return typeof value === 'boolean' ? value : refuse(`${key}: must be true or false`)
}

export function optionalList(object: JsonObject, key: string, path = key): readonly unknown[] {
  const value = object[key]
  if (!isGiven(value)) return []
  return Array.isArray(value) ? value : refuse(`${path}: must be a list`)
}

/** Ollama streams unless the client asks for a whole answer. */
export function wantsStream(request: JsonObject): boolean {
  return optionalFlag(request, 'stream') ?? true
}
