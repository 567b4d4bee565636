import { type Static, Type } from '@sinclair/typebox'
import { Choice, Count, Text } from './fields.ts'

export const HealthSchema = Type.Object({ status: Choice(['healthy'], 'The process answers; nothing more.') })

export const ReadySchema = Type.Object({
  status: Choice(['ready', 'not_ready']),
  reason: Text('Why; `serving` where it is ready.'),
  routable_endpoints: Count('Endpoints that requests may go to.'),
  total_endpoints: Count(),
})

export type ReadyView = Static<typeof ReadySchema>

/** `/internal/ready`: whether a load balancer should send requests here. */
export function readyView(source: {
  draining: boolean
  routable: number
  total: number
  /** Whether the routable endpoints were asked for their models. */
  isListed: boolean
  /** Whether all routable endpoints have asked for a pause. */
  isPausing: boolean
}): ReadyView {
  const { draining, routable, total } = source
  const counts = { routable_endpoints: routable, total_endpoints: total }
  if (draining) return { status: 'not_ready', reason: 'draining', ...counts }
  if (total === 0) return { status: 'not_ready', reason: 'no endpoints are configured', ...counts }
  if (routable === 0) return { status: 'not_ready', reason: 'no endpoint is routable', ...counts }
  if (!source.isListed) return { status: 'not_ready', reason: 'the models are not known yet', ...counts }
  if (source.isPausing)
    return { status: 'not_ready', reason: 'all endpoints have asked for a pause', ...counts }
  return { status: 'ready', reason: 'serving', ...counts }
}
