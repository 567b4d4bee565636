import { GatewayError } from '../../../../kernel/errors.ts'
import type { JsonObject } from '../../../../kernel/json/json-fields.ts'
import { parseRequest } from '../../../hub/parts/request-body.ts'
import { checkMessagesFrame } from './messages-frame.ts'

/**
 * Parses a Messages request and validates its frame. `readMessages` reads the contents leniently.
 * @throws GatewayError invalid_request, invalid_json
 */
export function readMessagesRequest(body: Buffer | null): JsonObject {
  if (body === null || body.length === 0) throw new GatewayError('invalid_request', 'empty request body')
  const request = parseRequest(body)
  checkModel(request.model)
  checkMessagesFrame(request, false)
  return request
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
