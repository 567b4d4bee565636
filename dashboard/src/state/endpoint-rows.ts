import type { BreakerState, EndpointStatus, EndpointsView, GatewayEvent, Sample } from '../api/types.ts'

/**
 * Applies an event to the fleet, so that a change is visible when it happens and not with the next load.
 */
export function withEndpointEvent(view: EndpointsView, { type, at, data }: GatewayEvent): EndpointsView {
  if (type === 'endpoint.status') {
    return changed(view, data, at, (endpoint) => ({
      ...endpoint,
      status: data.to as EndpointStatus,
      status_reason: String(data.reason),
      status_since: at,
    }))
  }
  if (type === 'breaker.transition') {
    return changed(view, data, at, ({ breaker, ...endpoint }) => ({
      ...endpoint,
      breaker: { state: data.to as BreakerState, reason: String(data.reason), since: at },
    }))
  }
  return view
}

/** A load already includes the events before it. */
function changed(
  view: EndpointsView,
  { endpoint: name }: GatewayEvent['data'],
  at: string,
  change: (endpoint: EndpointsView['endpoints'][number]) => EndpointsView['endpoints'][number],
): EndpointsView {
  if (Date.parse(at) < Date.parse(view.timestamp)) return view
  return {
    ...view,
    endpoints: view.endpoints.map((endpoint) => (endpoint.name === name ? change(endpoint) : endpoint)),
  }
}

/** Applies the load of a sample; an endpoint that it omits has none. */
export function withSampleLoad(view: EndpointsView, { at_ms, endpoints }: Sample): EndpointsView {
  if (at_ms < Date.parse(view.timestamp)) return view
  return {
    ...view,
    endpoints: view.endpoints.map((endpoint) => {
      const inFlight = endpoints[endpoint.id]?.[0] ?? 0
      return endpoint.in_flight === inFlight ? endpoint : { ...endpoint, in_flight: inFlight }
    }),
  }
}
