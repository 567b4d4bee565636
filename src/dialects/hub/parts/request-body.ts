import { GatewayError } from '../../../kernel/errors.ts'
import { scanJson } from '../../../kernel/json/json-depth.ts'
import { isObject, type JsonObject } from '../../../kernel/json/json-fields.ts'
import { parseLossless } from '../../../kernel/json/lossless.ts'
import { valuesFor } from '../../../kernel/memory/memory-limit.ts'

/** Deepest nesting that is translated: serializing deeper values would overflow the stack. */
const maxDepth = 400
/** Number of values that can be parsed and translated with the available heap. */
const heapValues = valuesFor()

/**
 * Parses a request that is to be translated.
 * @throws GatewayError invalid_json, invalid_request
 */
export function parseRequest(body: Buffer): JsonObject {
  const request = parse(body, scanRequest(body))
  return isObject(request) ? request : refuse('the request body must be an object')
}

/**
 * @param maxValues members and items of all objects and lists together
 * @returns whether a number may be too long for `JSON.parse`
 * @throws GatewayError invalid_request if there are more, or if they are nested too deeply to be serialized
 */
export function scanRequest(body: Buffer, maxValues: number = heapValues): boolean {
  const { excess, hasLongNumbers } = scanJson(body, maxDepth, maxValues)
  if (excess === 'depth') refuse(`the request is nested more than ${maxDepth} levels deep`)
  if (excess === 'values') refuse(`the request has more than ${maxValues} values`)
  return hasLongNumbers
}

function parse(body: Buffer, hasLongNumbers: boolean): unknown {
  const text = body.toString('utf8')
  try {
    return hasLongNumbers ? parseLossless(text) : JSON.parse(text)
  } catch (error) {
    throw new GatewayError('invalid_json', undefined, { cause: error })
  }
}

function refuse(message: string): never {
  throw new GatewayError('invalid_request', message)
}
