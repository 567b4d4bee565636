import { answerFormOf } from '../../dialects/answers/form-finder.ts'
import { managementRefusal } from '../../dialects/requests/management-refusal.ts'
import type { AttemptFailure } from '../../endpoints/connections/failure.ts'
import { isSafePath } from '../../endpoints/registry/upstream-path.ts'
import { headerValue, type UpstreamHead } from '../../http/headers/response-headers.ts'
import { redirectTarget } from '../answer/answer-urls.ts'
import type { ExchangeRequest } from '../contract/exchange-request.ts'
import type { Attempt, Redirected } from './attempt.ts'

const maxHops = 3

/** A redirect instead of a model's answer: a login page, a service that has moved. */
export const turnedAway: AttemptFailure = { kind: 'bad_answer', detail: 'a redirect to another address' }

/** Whether an answer is a redirect, which is useless to a client that called a model. */
export function isTurnedAway(
  { method, path }: ExchangeRequest,
  { variant }: Attempt,
  { statusCode }: UpstreamHead,
): boolean {
  return statusCode < 400 && answerFormOf(variant?.method ?? method, variant?.path ?? path) !== undefined
}

/**
 * Where to send a request that its endpoint redirects, usually to the same path with a trailing slash. Only redirects
 * to the endpoint itself are followed, and never to its management paths; the client may follow any other.
 * @returns undefined if the redirect is the answer
 */
export function followedRedirect(
  request: ExchangeRequest,
  attempt: Attempt,
  head: UpstreamHead,
): Redirected | undefined {
  const { target, variant, redirected } = attempt
  const method = variant?.method ?? request.method
  if (!keepsRequest(head.statusCode, method)) return undefined
  const location = headerValue(head.headers, 'location')
  const hops = (redirected?.hops ?? 0) + 1
  if (location === undefined || hops > maxHops) return undefined
  const { endpoint } = target
  const path = redirected?.path ?? variant?.path ?? request.path
  const moved = redirectTarget(location, {
    endpoint,
    path,
    clientPath: request.path,
    client: request.context,
  })
  // A redirect to the same path changes the scheme: following it would loop.
  if (moved === undefined || moved.path === path || !isSafePath(moved.path)) return undefined
  if (!endpoint.allowsManagement && managementRefusal(method, moved.path) !== undefined) return undefined
  return { ...moved, hops }
}

/** Whether the method and the body stay as they are (RFC 9110 section 15.4). */
function keepsRequest(statusCode: number, method: string): boolean {
  if (statusCode === 307 || statusCode === 308) return true
  return (statusCode === 301 || statusCode === 302) && (method === 'GET' || method === 'HEAD')
}
