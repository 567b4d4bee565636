import type { BreakerState, EndpointStatus, EndpointsView, GatewayEvent, Sample } from '../api/types.ts'

/**
 * The fleet with what an event says of it, so that a change is seen when it happens and not with the next
 * reading.
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

/** An event from before the reading is contained in it already. */
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

/** The load that a sample tells; an endpoint that it leaves out has none. */
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
