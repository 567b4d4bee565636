import { isObject } from '../../../kernel/json/json-fields.ts'
import { callInput } from './call-input.ts'

/**
 * The arguments of a call in a client's history as the JSON text of an object. Clients send them as text, as an object,
 * or as the text of a text; text that is already an object stays as it is.
 */
export function argumentText(value: unknown): string {
  if (isObject(value)) return JSON.stringify(value)
  if (value === undefined || value === null) return '{}'
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return isObjectText(text) ? text : JSON.stringify(callInput(text))
}

function isObjectText(text: string): boolean {
  try {
    return isObject(JSON.parse(text))
  } catch {
    return false
  }
}
