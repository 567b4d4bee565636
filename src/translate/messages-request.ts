import { GatewayError } from '../errors.ts'
import { parseLossless } from '../json/lossless.ts'
import { isObject, type JsonObject } from './json-fields.ts'

/** A Messages request whose frame is known to be sound. What stands inside is read leniently. */
export function readMessagesRequest(body: Buffer | null): JsonObject {
  if (body === null || body.length === 0) throw new GatewayError('invalid_request', 'empty request body')
  const request = parse(body)
  if (!isObject(request)) throw new GatewayError('invalid_request', 'the request body must be an object')
  checkModel(request.model)
  const { messages, max_tokens: maxTokens, temperature, top_p: topP, top_k: topK } = request
  if (!Array.isArray(messages) || messages.length === 0) {
    throw new GatewayError('invalid_request', 'messages: at least one message is required')
  }
  checkNumber(maxTokens, (value) => value >= 1, 'max_tokens must be at least 1')
  checkNumber(temperature, (value) => value >= 0 && value <= 2, 'temperature must be between 0 and 2')
  checkNumber(topP, (value) => value >= 0 && value <= 1, 'top_p must be between 0 and 1')
  checkNumber(topK, (value) => value >= 0, 'top_k must be non-negative')
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

function checkNumber(value: unknown, isSound: (value: number) => boolean, rule: string): void {
  if (value === undefined || value === null) return
  if (typeof value !== 'number' || !isSound(value)) {
    throw new GatewayError('invalid_request', `${rule}, got ${JSON.stringify(value)}`)
  }
}
