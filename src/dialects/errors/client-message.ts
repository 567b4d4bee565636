import { isObject, type JsonObject } from '../../kernel/json/json-fields.ts'
import { readAnswerError } from './error-object.ts'

/** Longer messages are cut, because endpoints quote whole prompts. */
const maxMessageLength = 2_000

/** Parses the body of an error. @returns undefined if it is not a JSON object */
export function parsedError(body: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(body)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/**
 * The message of an endpoint's error, for clients.
 * @param value the parsed body, if it is a JSON object
 */
export function clientMessage(value: JsonObject | undefined, body: string, statusCode: number): string {
  const read = value === undefined ? plainText(body) : readAnswerError(value)?.message
  const message =
    read === undefined || read === '' ? `The endpoint answered with status ${statusCode}.` : read
  return message.length > maxMessageLength ? `${message.slice(0, maxMessageLength)}…` : message
}

function plainText(body: string): string | undefined {
  const text = body.trim()
  return text === '' || text.startsWith('<') ? undefined : text
}
