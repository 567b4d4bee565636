import type { IncomingMessage } from 'node:http'

/**
 * Whether parts of a request's body have not arrived. Node's server calls its handlers before it knows that a request
 * without a body is complete.
 */
export function hasUnreadBody({ complete, headers }: Pick<IncomingMessage, 'complete' | 'headers'>): boolean {
  if (complete) return false
  const { 'content-length': length, 'transfer-encoding': encoding } = headers
  return encoding !== undefined || (length !== undefined && Number(length) !== 0)
}
