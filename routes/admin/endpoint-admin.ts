/**
 * `/internal/admin/endpoints`: lists, adds, changes and removes endpoints while the gateway runs; `…/{name}/probe`,
 * `/refresh`, `/reset-circuit` and `/reset` act on one. Depends on the link to the control thread, which changes the
 * configuration, and on what knows endpoints.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { EndpointInput } from '../../src/endpoints/overlay/endpoint-overlay.ts'
import {
  type OverlayOrder,
  type OverlayResult,
  overlayMs,
  overlayOrderTopic,
  overlayStatusTopic,
} from '../../src/endpoints/overlay/overlay-topics.ts'
import { GatewayError } from '../../src/kernel/errors.ts'
import {
  EndpointActionSchema,
  EndpointBodySchema,
  EndpointChangeSchema,
  endpointChangeView,
  ManagedEndpointSchema,
  ManagedEndpointsSchema,
  managedEndpointsView,
} from '../../src/observe/views/endpoint-admin.ts'
import { loadCells } from '../../src/routing/selection/load-cells.ts'
import {
  actorOf,
  type ChangeRequest as Change,
  changeOptions,
  changes,
  etagOf,
  neverStored,
  sendChange,
  shows,
} from './admin-routes.ts'

interface Named {
  Params: { name: string }
}

type OrderOf<Action> = Action extends OverlayOrder ? Omit<Action, 'by' | 'dryRun' | 'ifVersion'> : never

const base = '/internal/admin/endpoints'
const one = `${base}/:name`
const maxBodyBytes = 256 * 1024
const answers = { response: { 200: EndpointChangeSchema, 201: EndpointChangeSchema } }

export default fp(
  function endpointAdminRoutes(app, _options, done) {
    neverStored(app)
    const { endpointRegistry: registry, gatewayPeers: link } = app
    const { inFlight } = app.gatewayState.of(loadCells)

    app.get(base, shows({ response: { 200: ManagedEndpointsSchema } }), async (_request, reply) => {
      const view = await list()
      return reply.header('ETag', etagOf(view.config_version)).send(view)
    })
    app.get<Named>(one, shows({ response: { 200: ManagedEndpointSchema } }), async (request, reply) => {
      const view = await list()
      const found = view.endpoints.find(({ name }) => name === request.params.name)
      if (found === undefined) throw unknownEndpoint()
      return reply.header('ETag', etagOf(view.config_version)).send(found)
    })
    app.post<Change & { Body: EndpointInput }>(
      base,
      { ...changes({ body: EndpointBodySchema, ...answers }), bodyLimit: maxBodyBytes },
      (request, reply) => order(request, reply, { action: 'add', value: request.body }),
    )
    app.patch<Change & Named & { Body: EndpointInput }>(
      one,
      { ...changes({ body: EndpointBodySchema, ...answers }), bodyLimit: maxBodyBytes },
      (request, reply) =>
        order(request, reply, { action: 'change', name: request.params.name, value: request.body }),
    )
    app.delete<Change & Named>(one, changes(answers), (request, reply) =>
      order(request, reply, { action: 'remove', name: request.params.name }),
    )
    app.post<Change & Named>(`${one}/reset`, changes(answers), (request, reply) =>
      order(request, reply, { action: 'reset', name: request.params.name }),
    )

    const action = changes({ response: { 200: EndpointActionSchema } })
    app.post<Named>(`${one}/probe`, action, async ({ params }) => {
      const { slot } = endpointOf(params.name)
      await app.healthChecker.probeNow(slot)
      return stateOf(params.name)
    })
    app.post<Named>(`${one}/refresh`, action, async ({ params }) => {
      const { slot } = endpointOf(params.name)
      await app.modelDiscovery.refresh(slot)
      return stateOf(params.name)
    })
    app.post<Named>(`${one}/reset-circuit`, action, async (request) => {
      const { slot } = endpointOf(request.params.name)
      app.circuitBreakers.recover(slot, `reset by ${actorOf(request)}`)
      return stateOf(request.params.name)
    })
    done()

    async function list() {
      const status = await link.requestControl(overlayStatusTopic, undefined)
      if (status === undefined) throw new GatewayError('out_of_resources')
      return managedEndpointsView(status, (name) => {
        const slot = registry.snapshot.byName.get(name)?.slot
        if (slot === undefined) return { status: 'unknown', inFlight: 0 }
        return { status: registry.status(slot), inFlight: inFlight.value(slot) }
      })
    }

    async function order(
      request: FastifyRequest<Change>,
      reply: FastifyReply,
      wanted: OrderOf<OverlayOrder>,
    ): Promise<FastifyReply> {
      const options = changeOptions(request)
      const { dryRun } = options
      const result = await link.requestControl(overlayOrderTopic, { ...wanted, ...options }, overlayMs)
      return sendChange<Extract<OverlayResult, { readonly version: number }>>(
        reply,
        result,
        wanted.action === 'add' && !dryRun,
        (made) => endpointChangeView(made, dryRun),
      )
    }

    function endpointOf(name: string) {
      const endpoint = registry.snapshot.byName.get(name)
      if (endpoint === undefined) throw unknownEndpoint()
      return endpoint
    }

    function stateOf(name: string) {
      return { endpoint: name, status: registry.status(endpointOf(name).slot) }
    }
  },
  {
    name: 'gateway-routes-endpoint-admin',
    fastify: '5.x',
    encapsulate: true,
    dependencies: [
      'gateway-peers',
      'gateway-state',
      'gateway-endpoint-registry',
      'gateway-circuit-breaker',
      'gateway-health-checker',
      'gateway-model-discovery',
      'gateway-internal-access',
      'gateway-request-context',
    ],
  },
)

function unknownEndpoint(): GatewayError {
  return new GatewayError('not_found', 'No such endpoint is configured.')
}
