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

/** For a request whose conversation is in use. OpenAI's words (paulgmiller/careme#379). */
export function conversationLocked(): GatewayError {
  const message =
    'Another process is currently operating on this conversation. Please retry in a few seconds.'
  return new GatewayError('invalid_request', message, {
    details: { param: 'conversation', error_code: 'conversation_locked' },
  })
}

export function conversationFull(id: string): GatewayError {
  return new GatewayError('payload_too_large', `The conversation '${shown(id)}' has no room for more items.`)
}

/** For a request that continues both a response and a conversation. */
export function exclusiveState(): GatewayError {
  const names = "'previous_response_id' and 'conversation'"
  return new GatewayError(
    'invalid_request',
    `Mutually exclusive parameters: ${names}. Ensure you are only providing one of: ${names}.`,
    { details: { error_code: 'mutually_exclusive_parameters' } },
  )
}

function shown(id: string): string {
  return id.slice(0, 100)
}
