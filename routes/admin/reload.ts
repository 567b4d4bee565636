/**
 * `/internal/admin/reload`: `POST` loads the configuration again and applies it on all threads, or with `dry_run=true`
 * only compares; `GET` shows the version in force and the last reload. Depends on the link to the control thread, which
 * loads.
 */
import fp from 'fastify-plugin'
import { GatewayError } from '../../src/kernel/errors.ts'
import {
  ReloadSchema,
  ReloadStatusSchema,
  reloadStatusView,
  reloadView,
} from '../../src/observe/views/reload.ts'
import { reloadMs, reloadStatusTopic, reloadTopic } from '../../src/runtime/configuration/reloads.ts'
import { actorOf, changes, neverStored, shows } from './admin-routes.ts'
import { ignoreBodies } from './any-method.ts'

export default fp(
  function internalReload(app, _options, done) {
    ignoreBodies(app)
    neverStored(app)
    const noSource = 'The configuration of this gateway cannot be loaded again.'

    app.get('/internal/admin/reload', shows({ response: { 200: ReloadStatusSchema } }), async () => {
      const status = await app.gatewayPeers.requestControl(reloadStatusTopic, undefined)
      if (status === undefined) throw new GatewayError('not_supported', noSource)
      return reloadStatusView(status)
    })
    app.post<{ Querystring: { dry_run?: string } }>(
      '/internal/admin/reload',
      changes({ response: { 200: ReloadSchema, 422: ReloadSchema } }),
      async (request, reply) => {
        const given = request.query.dry_run
        if (given !== undefined && given !== 'true' && given !== 'false')
          throw new GatewayError('invalid_request', 'dry_run must be true or false.')
        const options = { by: actorOf(request), dryRun: given === 'true' }
        const result = await app.gatewayPeers.requestControl(reloadTopic, options, reloadMs)
        if (result === undefined) throw new GatewayError('not_supported', noSource)
        return reply.code(result.outcome === 'refused' ? 422 : 200).send(reloadView(result))
      },
    )
    done()
  },
  {
    name: 'gateway-routes-reload',
    fastify: '5.x',
    encapsulate: true,
    dependencies: ['gateway-peers', 'gateway-internal-access', 'gateway-request-context'],
  },
)
