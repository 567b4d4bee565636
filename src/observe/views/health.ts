import { type Static, Type } from '@sinclair/typebox'
import { Choice, Count, Text } from './fields.ts'

export const HealthSchema = Type.Object({
  status: Choice(['healthy'], 'Reports only that the process answers.'),
})

export const ReadySchema = Type.Object({
  status: Choice(['ready', 'not_ready']),
  reason: Text('Why; begins with `serving` if it is ready.'),
  routable_endpoints: Count('Routable endpoints.'),
  total_endpoints: Count(),
})

export type ReadyView = Static<typeof ReadySchema>

/** `/internal/ready`: whether a load balancer should send requests here. */
export function readyView(source: {
  draining: boolean
  routable: number
  /** Number of endpoints that can receive requests: the routable ones, and those that only a probe considers down. */
  able: number
  total: number
  /** Whether the gateway has read these endpoints' model lists. */
  isListed: boolean
  /** Whether all of them have requested a pause. */
  isPausing: boolean
  /** Whether the keys of clients are known, as far as clients need one. */
  knowsCallers: boolean
}): ReadyView {
  const { draining, routable, able, total } = source
  const counts = { routable_endpoints: routable, total_endpoints: total }
  if (draining) return { status: 'not_ready', reason: 'draining', ...counts }
  if (total === 0) return { status: 'not_ready', reason: 'no endpoints are configured', ...counts }
  if (able === 0) return { status: 'not_ready', reason: 'no endpoint is routable', ...counts }
  if (!source.isListed) return { status: 'not_ready', reason: 'the models are still unknown', ...counts }
  if (!source.knowsCallers)
    return { status: 'not_ready', reason: 'the store of callers has not been read yet', ...counts }
  if (source.isPausing)
    return { status: 'not_ready', reason: 'all endpoints have requested a pause', ...counts }
  const reason = routable === 0 ? 'serving, although the probes of all endpoints fail' : 'serving'
  return { status: 'ready', reason, ...counts }
}
