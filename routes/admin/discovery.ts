/**
 * `/internal/admin/discovery`: what the providers of endpoints have found; `POST …/{name}/approve` lets a pending endpoint
 * serve, `POST …/{name}/reject` keeps one from serving, `POST …/refresh` reads the sources again. Depends on the link to the control thread, which has the providers.
 */
import fp from 'fastify-plugin'
import {
  approveTopic,
  discoveryTopic,
  refreshTopic,
  rejectTopic,
} from '../../src/endpoints/providers/found-endpoints.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { GatewayError } from '../../src/kernel/errors.ts'
import {
  ApprovalSchema,
  DiscoverySchema,
  discoveryView,
  RefreshSchema,
  RejectionSchema,
} from '../../src/observe/views/discovery.ts'
import { changes, neverStored, shows } from './admin-routes.ts'
import { ignoreBodies } from './any-method.ts'

export interface InternalDiscoveryOptions {
  readonly clock?: Clock
}

export default fp<InternalDiscoveryOptions>(
  function internalDiscovery(app, { clock = systemClock }, done) {
    ignoreBodies(app)
    neverStored(app)
    const link = app.gatewayPeers

    app.get('/internal/admin/discovery', shows({ response: { 200: DiscoverySchema } }), async () => {
      const view = await link.requestControl(discoveryTopic, undefined)
      if (view === undefined) throw new GatewayError('out_of_resources')
      return discoveryView(view, clock.nowMs())
    })
    app.post('/internal/admin/discovery/refresh', changes({ response: { 200: RefreshSchema } }), async () => {
      const isDone = await link.requestControl(refreshTopic, undefined)
      return { refreshing: isDone === true }
    })
    app.post<{ Params: { name: string } }>(
      '/internal/admin/discovery/:name/approve',
      changes({ response: { 200: ApprovalSchema } }),
      async ({ params: { name } }) => {
        const approved = await link.requestControl(approveTopic, name)
        if (approved !== true) throw new GatewayError('not_found', 'No provider has found such an endpoint.')
        return { endpoint: name, approved }
      },
    )
    app.post<{ Params: { name: string } }>(
      '/internal/admin/discovery/:name/reject',
      changes({ response: { 200: RejectionSchema } }),
      async ({ params: { name } }) => {
        const rejected = await link.requestControl(rejectTopic, name)
        if (rejected !== true) throw new GatewayError('not_found', 'No provider has found such an endpoint.')
        return { endpoint: name, rejected }
      },
    )
    done()
  },
  {
    name: 'gateway-routes-discovery',
    fastify: '5.x',
    encapsulate: true,
    dependencies: ['gateway-peers', 'gateway-internal-access', 'gateway-request-context'],
  },
)
