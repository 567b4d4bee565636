/**
 * `/internal/admin/endpoints/{name}/drain` takes an endpoint out of service on all threads and, with `wait`, answers when
 * it is empty; `/undrain` returns it. Depends on the link to the control thread, which drains.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { parseDuration } from '../../src/config/file/decode.ts'
import { GatewayError } from '../../src/kernel/errors.ts'
import { DrainSchema, drainView } from '../../src/observe/views/drain.ts'
import { drainTopic } from '../../src/routing/drain/drain-topics.ts'
import { actorOf, changes, neverStored } from './admin-routes.ts'
import { ignoreBodies } from './any-method.ts'

interface Named {
  Params: { name: string }
  Querystring: { wait?: string }
}

const maxWaitMs = 3_600_000
/** For the messages between threads. */
const graceMs = 5_000

export default fp(
  function endpointDrain(app, _options, done) {
    ignoreBodies(app)
    neverStored(app)
    const options = changes({ response: { 200: DrainSchema, 202: DrainSchema } })

    app.post<Named>('/internal/admin/endpoints/:name/drain', options, (request, reply) =>
      order(request, reply, true, waitOf(request.query.wait)),
    )
    app.post<Named>('/internal/admin/endpoints/:name/undrain', options, (request, reply) =>
      order(request, reply, false, 0),
    )
    done()

    async function order(
      request: FastifyRequest<Named>,
      reply: FastifyReply,
      drains: boolean,
      waitMs: number,
    ) {
      const { name } = request.params
      const wanted = { endpoint: name, drains, by: actorOf(request), waitMs }
      const state = await app.gatewayPeers.requestControl(drainTopic, wanted, waitMs + graceMs)
      if (state === undefined) throw new GatewayError('not_found', 'No such endpoint is configured.')
      const isDue = drains && state.status !== 'drained'
      return reply.code(isDue ? 202 : 200).send(drainView(state))
    }
  },
  {
    name: 'gateway-routes-endpoint-drain',
    fastify: '5.x',
    encapsulate: true,
    dependencies: ['gateway-peers', 'gateway-internal-access', 'gateway-request-context'],
  },
)

function waitOf(text = '0s'): number {
  const waitMs = parseDuration(text)
  if (waitMs === undefined || waitMs < 0 || waitMs > maxWaitMs)
    throw new GatewayError('invalid_request', 'wait must be a duration of at most 1h, such as 60s.')
  return waitMs
}
