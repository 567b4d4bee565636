/**
 * `GET /internal/clients/{name}`: a complete configuration for a client program, generated from the discovered models
 * and the address of the request. Uses if present: `translation`.
 */
import fp from 'fastify-plugin'
import { type ClientName, clientConfig, clientNames } from '../../src/admin/clients/client-config.ts'
import { hasResponses, responsesPath } from '../../src/admin/clients/responses-support.ts'
import { filterModels } from '../../src/dialects/lists/list-filters.ts'
import { GatewayError } from '../../src/kernel/errors.ts'

export default fp(
  function internalClients(app, _options, done) {
    const config = { internalAccess: 'gated' } as const
    const translation = app.hasDecorator('translation') ? app.translation : undefined
    app.get('/internal/clients', { config }, () => ({ clients: clientNames }))
    app.get<{ Params: { name: string } }>('/internal/clients/:name', { config }, (request, reply) => {
      const name = clientNames.find((each): each is ClientName => each === request.params.name)
      if (name === undefined) {
        throw new GatewayError('not_found', `Unknown client; known clients are ${clientNames.join(', ')}.`)
      }
      const models = filterModels(app.modelDirectory.models(), {}, (slot) =>
        app.endpointRegistry.mayAnswer(slot),
      )
      // A host that could break out of a quoted string is not echoed.
      const host = /^[\w.:[\]-]+$/.test(request.host) ? request.host : 'localhost:40114'
      const lists = app.modelCatalog.snapshot.byEndpoint
      const { contentType, text } = clientConfig(
        name,
        `${request.protocol}://${host}${app.prefix}`,
        models,
        (endpoint) =>
          translation?.reaches(endpoint, responsesPath) === true ||
          hasResponses(
            endpoint,
            app.pathKnowledge.serves(endpoint, responsesPath),
            lists.get(endpoint.slot)?.serverVersion,
          ),
      )
      return reply.type(`${contentType}; charset=utf-8`).send(text)
    })
    done()
  },
  {
    name: 'gateway-routes-internal-clients',
    fastify: '5.x',
    encapsulate: true,
    dependencies: [
      'gateway-endpoint-registry',
      'gateway-model-directory',
      'gateway-model-discovery',
      'gateway-model-routing',
      'gateway-internal-access',
    ],
  },
)
