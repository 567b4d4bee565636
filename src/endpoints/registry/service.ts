import { type EndpointStatus, endpointStatuses } from '../../kernel/endpoint-status.ts'

/**
 * Whether an endpoint gets requests, in the order of the cell codes.
 *
 * - `serving`: as its health allows
 * - `joining`: not yet; its first probe or model list is due
 * - `draining`: no new ones, and some are in flight
 * - `drained`: none
 */
export const endpointServices = ['serving', 'joining', 'draining', 'drained'] as const
export type EndpointService = (typeof endpointServices)[number]

/** A status cell has the health in its low byte and the service above it, so that one read or write sees both. */
const serviceShift = 8
const healthMask = (1 << serviceShift) - 1

/** The status that requests and views see. Serving endpoints have no service bits, so their cell is the index. */
export function statusOf(cell: number): EndpointStatus {
  return endpointStatuses[cell] ?? outOfService(serviceOf(cell))
}

export function healthOf(cell: number): EndpointStatus {
  return endpointStatuses[cell & healthMask] ?? 'unknown'
}

export function serviceOf(cell: number): EndpointService {
  return endpointServices[cell >> serviceShift] ?? 'serving'
}

export function withHealth(cell: number, health: EndpointStatus): number {
  return (cell & ~healthMask) | endpointStatuses.indexOf(health)
}

export function withService(cell: number, service: EndpointService): number {
  return (cell & healthMask) | (endpointServices.indexOf(service) << serviceShift)
}

function outOfService(service: EndpointService): EndpointStatus {
  return service === 'draining' || service === 'drained' ? service : 'unknown'
}
