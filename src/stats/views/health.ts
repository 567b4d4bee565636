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
export function readyView(source: { draining: boolean; routable: number; total: number }): ReadyView {
  const { draining, routable, total } = source
  const counts = { routable_endpoints: routable, total_endpoints: total }
  if (draining) return { status: 'not_ready', reason: 'draining', ...counts }
  if (total === 0) return { status: 'not_ready', reason: 'no endpoints are configured', ...counts }
  if (routable === 0) return { status: 'not_ready', reason: 'no endpoint is routable', ...counts }
  return { status: 'ready', reason: 'serving', ...counts }
}
