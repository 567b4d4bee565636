/**
 * `/internal/inflight`: the requests in flight, and `DELETE` to cancel one; `/internal/requests`: the most recent
 * completed requests and their outcomes.
 */
import fp from 'fastify-plugin'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { GatewayError } from '../../src/kernel/errors.ts'
import { formatTime } from '../../src/kernel/format.ts'
import { CancelledSchema, InFlightSchema } from '../../src/observe/live/in-flight-view.ts'
import { RecentDetailSchema, RecentSchema } from '../../src/observe/live/recent-view.ts'
import { type RequestQuery, readFilter } from '../../src/observe/live/request-filter.ts'
import { ignoreBodies } from './any-method.ts'

/** Reads `dashboard.allow_cancel`. */
export interface InternalRequestsOptions extends Sections<'dashboard'> {
  readonly clock?: Clock
}

interface ById {
  Params: { id: string }
}

export default fp<InternalRequestsOptions>(
  async function internalRequests(app, options) {
    const clock = options.clock ?? systemClock
    const { liveRequests } = app
    const { allowCancel } = readSections(options, ['dashboard'], ['clock']).dashboard
    const config = { internalAccess: 'gated' } as const
    ignoreBodies(app)
    app.addHook('onSend', function forgetIt(_request, reply, payload, next) {
      reply.header('Cache-Control', 'no-store')
      next(null, payload)
    })

    app.get('/internal/inflight', { config, schema: { response: { 200: InFlightSchema } } }, async () => ({
      at: formatTime(clock.nowMs()),
      ...(await liveRequests.inFlight()),
    }))
    app.delete<ById>(
      '/internal/inflight/:id',
      { config: { internalAccess: 'change' }, schema: { response: { 200: CancelledSchema } } },
      async ({ params, gateway }) => {
        if (!allowCancel) {
          throw new GatewayError('forbidden', 'Cancelling is disabled (dashboard.allow_cancel).')
        }
        const result = await liveRequests.cancel(params.id, gateway.clientAddress)
        if (result === 'unknown') throw new GatewayError('not_found', 'No such request is in flight.')
        if (result === 'ambiguous') {
          throw new GatewayError('conflict', 'Several requests have this request_id: use the id.')
        }
        return { ...result, cancelled: true }
      },
    )
    app.get<{ Querystring: RequestQuery }>(
      '/internal/requests',
      { config, schema: { response: { 200: RecentSchema } } },
      async ({ query }) => {
        const filter = readFilter(query)
        if (typeof filter === 'string') throw new GatewayError('invalid_request', `${filter}.`)
        return { at: formatTime(clock.nowMs()), ...(await liveRequests.recent(filter)) }
      },
    )
    app.get<ById>(
      '/internal/requests/:id',
      { config, schema: { response: { 200: RecentDetailSchema } } },
      async ({ params }) => {
        const detail = await liveRequests.detail(params.id)
        if (detail === undefined) throw new GatewayError('not_found', 'No such request is recorded.')
        return detail
      },
    )
  },
  {
    name: 'gateway-routes-internal-requests',
    fastify: '5.x',
    encapsulate: true,
    dependencies: ['gateway-live-requests', 'gateway-internal-access', 'gateway-request-context'],
  },
)
