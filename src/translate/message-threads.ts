import { GatewayError } from '../errors.ts'
import { isObject } from './json-fields.ts'

/**
 * Refuses a request that leaves its conversation to the server (`thread`, a beta of the Anthropic API): no
 * inference server keeps one, and most would answer as if the new messages were all. Anthropic's clients know
 * this refusal and send the whole conversation.
 * @throws GatewayError invalid_request
 */
export function refuseThread(body: Buffer): void {
  if (!body.includes('"thread"')) return
  let request: unknown
  try {
    request = JSON.parse(body.toString('utf8'))
  } catch {
    return
  }
  if (!isObject(request) || request.thread === undefined || request.thread === null) return
  throw new GatewayError('invalid_request', 'thread: conversations are not kept here; send all messages', {
    details: { error_code: 'thread_unsupported_request', unsupported: ['thread'] },
  })
}
