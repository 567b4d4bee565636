/**
 * What a probe or a request has shown of an endpoint, in the order of their cell codes.
 *
 * - `unknown`: not probed yet
 * - `healthy`: the last probe was a prompt 2xx
 * - `busy`: a 2xx, but slower than the busy threshold
 * - `warming`: recovered a moment ago, slow start
 * - `unhealthy`: the probe was answered with another status
 * - `offline`: no answer to a probe or a request: refused, unreachable, reset, timed out
 * - `config_error`: the probe was answered with 401 or 403
 * - `rate_limited`: a probe or a request was answered with 429, until `Retry-After` has passed
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
] as const

export type EndpointStatus = (typeof endpointStatuses)[number]

/** Whether requests may go to an endpoint of this status. */
export function isRoutable(status: EndpointStatus): boolean {
  return status === 'healthy' || status === 'busy' || status === 'warming'
}

/** The share of an endpoint's weight that counts at this status (Olla 0.0.29, contract 3.3), 0 to 1. */
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
      return 0
  }
}
