import { isObject, type JsonObject } from '../../kernel/json/json-fields.ts'
import { readAnswerError } from './error-object.ts'

/** Longest message that is passed on: endpoints quote whole prompts. */
const maxMessageLength = 2_000

/** The JSON object in an error's body; undefined where it is none. */
export function parsedError(body: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(body)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/**
 * What an endpoint's error says, for a client.
 * @param value the JSON object in the body, if it is one
 */
export function toldMessage(value: JsonObject | undefined, body: string, statusCode: number): string {
  const told = value === undefined ? plainText(body) : readAnswerError(value)?.message
  const message =
    told === undefined || told === '' ? `The endpoint answered with status ${statusCode}.` : told
  return message.length > maxMessageLength ? `${message.slice(0, maxMessageLength)}…` : message
}

function plainText(body: string): string | undefined {
  const text = body.trim()
  return text === '' || text.startsWith('<') ? undefined : text
}
