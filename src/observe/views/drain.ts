import { type Static, Type } from '@sinclair/typebox'
import type { DrainState } from '../../routing/drain/drain-topics.ts'
import { Count, Text } from './fields.ts'

export const DrainSchema = Type.Object({
  endpoint: Text(),
  status: Text('`draining`, `drained`, or its health if it is in service.'),
  drained: Type.Boolean({ description: 'Whether it is out of service and empty.' }),
  in_flight: Count('Requests in flight there.'),
})

export function drainView({ endpoint, status, inFlight }: DrainState): Static<typeof DrainSchema> {
  return { endpoint, status, drained: status === 'drained', in_flight: inFlight }
}
