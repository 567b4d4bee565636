/** `/internal/queue`: the requests that wait for a place at an endpoint, and `POST` to put one first. */
import fp from 'fastify-plugin'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { GatewayError } from '../../src/kernel/errors.ts'
import { formatTime } from '../../src/kernel/format.ts'
import { CancelledSchema } from '../../src/observe/live/in-flight-view.ts'
import { MovedUpSchema, WaitingSchema } from '../../src/observe/live/waiting-view.ts'
import { ignoreBodies } from './any-method.ts'

/** Reads `dashboard.allow_cancel`. */
export interface InternalQueueOptions extends Sections<'dashboard'> {
  readonly clock?: Clock
}

interface ById {
  Params: { id: string }
}

export default fp<InternalQueueOptions>(
  async function internalQueue(app, options) {
    const clock = options.clock ?? systemClock
    const { liveRequests, waitingRequests } = app
    const { allowCancel } = readSections(options, ['dashboard'], ['clock']).dashboard
    ignoreBodies(app)
    app.addHook('onSend', function forgetIt(_request, reply, payload, next) {
      reply.header('Cache-Control', 'no-store')
      next(null, payload)
    })

    app.get(
      '/internal/queue',
      { config: { internalAccess: 'gated' }, schema: { response: { 200: WaitingSchema } } },
      async () => ({ at: formatTime(clock.nowMs()), ...(await waitingRequests.view()) }),
    )
    app.post<ById>(
      '/internal/queue/:id/move-up',
      { config: { internalAccess: 'change' }, schema: { response: { 200: MovedUpSchema } } },
      async ({ params, gateway }) => {
        const name = await waitingRequests.moveUp(params.id, gateway.clientAddress)
        if (name === undefined) throw notWaiting()
        return { ...name, moved_up: true }
      },
    )
    app.delete<ById>(
      '/internal/queue/:id',
      { config: { internalAccess: 'change' }, schema: { response: { 200: CancelledSchema } } },
      async ({ params, gateway }) => {
        if (!allowCancel)
          throw new GatewayError('forbidden', 'Cancelling is disabled (dashboard.allow_cancel).')
        const { requests } = await waitingRequests.view()
        const found = requests.filter(({ id, request_id }) => id === params.id || request_id === params.id)
        if (found.length > 1)
          throw new GatewayError('conflict', 'Several requests have this request_id: use the id.')
        const [one] = found
        const result = one && (await liveRequests.cancel(one.id, gateway.clientAddress))
        if (typeof result !== 'object') throw notWaiting()
        return { ...result, cancelled: true }
      },
    )
  },
  {
    name: 'gateway-routes-internal-queue',
    fastify: '5.x',
    encapsulate: true,
    dependencies: ['gateway-live-requests', 'gateway-internal-access', 'gateway-request-context'],
  },
)

function notWaiting(): GatewayError {
  return new GatewayError('not_found', 'No such request waits.')
}
