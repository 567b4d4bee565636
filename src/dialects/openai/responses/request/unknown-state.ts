import { GatewayError } from '../../../../kernel/errors.ts'

/** For a request that continues a response that the gateway does not have. */
export function unknownPrevious(id: string): GatewayError {
  return new GatewayError('invalid_request', `Previous response with id '${shown(id)}' not found.`, {
    details: { param: 'previous_response_id', error_code: 'previous_response_not_found' },
  })
}

export function unknownConversation(id: string): GatewayError {
  return new GatewayError('invalid_request', `Conversation with id '${shown(id)}' not found.`, {
    details: { param: 'conversation' },
  })
}

function shown(id: string): string {
  return id.slice(0, 100)
}
