import { GatewayError } from '../../../kernel/errors.ts'
import { isObject, type JsonObject } from '../../../kernel/json/json-fields.ts'
import { parseLossless } from '../../../kernel/json/lossless.ts'
import { checkDepth, checkMessagesFrame } from './messages-frame.ts'

/**
 * Parses a Messages request and validates its frame. The contents are read leniently.
 * @throws GatewayError invalid_request, invalid_json
 */
export function readMessagesRequest(body: Buffer | null): JsonObject {
  if (body === null || body.length === 0) throw new GatewayError('invalid_request', 'empty request body')
  const request = parseMessagesRequest(body)
  checkModel(request.model)
  checkMessagesFrame(body, false)
  return request
}

/**
 * The same for a request whose frame is already validated.
 * @throws GatewayError invalid_request, invalid_json
 */
export function parseMessagesRequest(body: Buffer): JsonObject {
  checkDepth(body)
  const request = parse(body)
  if (!isObject(request)) throw new GatewayError('invalid_request', 'the request body must be an object')
  return request
}

function parse(body: Buffer): unknown {
  try {
    return parseLossless(body.toString('utf8'))
  } catch (error) {
    throw new GatewayError('invalid_json', undefined, { cause: error })
  }
}

function checkModel(model: unknown): void {
  if (model === undefined || model === null) {
    throw new GatewayError('invalid_request', 'model field is required')
  }
  if (typeof model !== 'string') {
    throw new GatewayError('invalid_request', `model field must be a string, got ${typeof model}`)
  }
  if (model.trim() === '') throw new GatewayError('invalid_request', 'model field must not be empty')
}
