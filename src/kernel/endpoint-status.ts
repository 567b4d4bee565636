/**
 * Status of an endpoint, in the order of the cell codes: its health as its last probe or request showed it, and then
 * the two states of an endpoint that is out of service, whatever its health.
 *
 * - `unknown`: not probed yet
 * - `healthy`: the last probe was a prompt 2xx
 * - `busy`: a 2xx, but slower than the busy threshold
 * - `warming`: recovered a moment ago and in slow start
 * - `unhealthy`: the endpoint answered the probe with another status
 * - `offline`: no answer to a probe or a request: connection refused, host unreachable, reset or timeout
 * - `config_error`: the endpoint answered the probe with 401 or 403
 * - `rate_limited`: the endpoint answered a probe or a request with 429; ends when `Retry-After` has passed
 * - `draining`: an operator or a change of the configuration took it out of service, and requests are still in flight
 * - `drained`: the same, without requests in flight
 */
export const endpointStatuses = [
  'unknown',
  'healthy',
  'busy',
  'warming',
  'unhealthy',
  'offline',
  'config_error',
  'rate_limited',
  'draining',
  'drained',
] as const

export type EndpointStatus = (typeof endpointStatuses)[number]

/** Whether the selector may choose an endpoint with this status. */
export function isRoutable(status: EndpointStatus): boolean {
  return status === 'healthy' || status === 'busy' || status === 'warming'
}

/** The fraction of an endpoint's weight that counts at this status (Olla 0.0.29, contract 3.3), 0 to 1. */
export function statusShare(status: EndpointStatus): number {
  switch (status) {
    case 'healthy':
      return 1
    case 'busy':
      return 0.3
    case 'warming':
      return 0.1
    case 'unknown':
    case 'unhealthy':
    case 'offline':
    case 'config_error':
    case 'rate_limited':
    case 'draining':
    case 'drained':
      return 0
  }
}
