/**
 * `/internal/admin/keys`: API keys. `POST` creates one and shows it once, `PATCH` changes fields, `DELETE` revokes it,
 * and `/rotate` replaces its secret. `/internal/admin/audit`: changes of keys, teams and owners.
 */
import fp from 'fastify-plugin'
import { KeyInput, RotateInput, readInput } from '../../src/callers/admin/input.ts'
import {
  AuditQuery,
  type GivenQuery,
  KeysQuery,
  readAuditQuery,
  readKeysQuery,
} from '../../src/callers/admin/queries.ts'
import {
  AuditView,
  auditView,
  KeysView,
  KeyView,
  keyView,
  NewKeyView,
} from '../../src/callers/admin/views.ts'
import { createKey, hintOf } from '../../src/callers/keys/key-text.ts'
import { actorOf, changes, prepareAdminRoutes, shows } from './admin-routes.ts'

interface ById {
  Params: { key: string }
}

interface Queried {
  Querystring: GivenQuery
}

export default fp(
  function callerKeyRoutes(app, _options, done) {
    const { perform, hasher } = app.callers
    prepareAdminRoutes(app)

    function newSecret() {
      const key = createKey()
      return { key, secret: { hash: hasher.hash(key), hint: hintOf(key) } }
    }

    app.get<Queried>(
      '/internal/admin/keys',
      shows({ querystring: KeysQuery, response: { 200: KeysView } }),
      async ({ query }) => {
        const { items, next = null } = await perform('listKeys', readKeysQuery(query))
        return { keys: items.map(keyView), next }
      },
    )
    app.post(
      '/internal/admin/keys',
      changes({ body: KeyInput, response: { 201: NewKeyView } }),
      async (request, reply) => {
        const fields = readInput(KeyInput, 'key', request.body)
        const { key, secret } = newSecret()
        const record = await perform('createKey', { actor: actorOf(request), secret, fields })
        return reply.code(201).send({ key, ...keyView(record) })
      },
    )
    app.get<ById>('/internal/admin/keys/:key', shows({ response: { 200: KeyView } }), async ({ params }) =>
      keyView(await perform('getKey', params)),
    )
    app.patch<ById>(
      '/internal/admin/keys/:key',
      changes({ body: KeyInput, response: { 200: KeyView } }),
      async (request) =>
        keyView(
          await perform('updateKey', {
            actor: actorOf(request),
            key: request.params.key,
            change: request.body,
          }),
        ),
    )
    app.post<ById>(
      '/internal/admin/keys/:key/rotate',
      changes({ body: RotateInput, response: { 200: NewKeyView } }),
      async (request) => {
        const { overlap_seconds: seconds } = readInput(RotateInput, 'key', request.body ?? {})
        const { key, secret } = newSecret()
        const record = await perform('rotateKey', {
          actor: actorOf(request),
          key: request.params.key,
          secret,
          overlapMs: seconds * 1000,
        })
        return { key, ...keyView(record) }
      },
    )
    app.delete<ById>('/internal/admin/keys/:key', changes({ response: { 200: KeyView } }), async (request) =>
      keyView(await perform('deleteKey', { actor: actorOf(request), key: request.params.key })),
    )
    app.get<Queried>(
      '/internal/admin/audit',
      shows({ querystring: AuditQuery, response: { 200: AuditView } }),
      async ({ query }) => ({ changes: (await perform('audit', readAuditQuery(query))).map(auditView) }),
    )
    done()
  },
  {
    name: 'gateway-routes-caller-keys',
    fastify: '5.x',
    encapsulate: true,
    dependencies: ['gateway-callers', 'gateway-internal-access', 'gateway-request-context'],
  },
)
