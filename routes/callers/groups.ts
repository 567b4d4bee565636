/** `/internal/admin/teams` and `/internal/admin/owners`: the groups of API keys, with policies and limits of their own. */
import fp from 'fastify-plugin'
import { OwnerInput, readInput, TeamInput } from '../../src/callers/admin/input.ts'
import { type GivenQuery, NamesQuery, readNamesQuery } from '../../src/callers/admin/queries.ts'
import {
  OwnersView,
  OwnerView,
  ownerView,
  TeamsView,
  TeamView,
  teamView,
} from '../../src/callers/admin/views.ts'
import { actorOf, changes, prepareAdminRoutes, shows } from './admin-routes.ts'

interface ByName {
  Params: { name: string }
}

interface Queried {
  Querystring: GivenQuery
}

export default fp(
  function callerGroupRoutes(app, _options, done) {
    const { perform } = app.callers
    prepareAdminRoutes(app)

    app.get<Queried>(
      '/internal/admin/teams',
      shows({ querystring: NamesQuery, response: { 200: TeamsView } }),
      async ({ query }) => {
        const { items, next = null } = await perform('listTeams', readNamesQuery(query))
        return { teams: items.map(teamView), next }
      },
    )
    app.post(
      '/internal/admin/teams',
      changes({ body: TeamInput, response: { 201: TeamView } }),
      async (request, reply) => {
        const fields = readInput(TeamInput, 'team', request.body)
        const record = await perform('createTeam', { actor: actorOf(request), fields })
        return reply.code(201).send(teamView(record))
      },
    )
    app.get<ByName>(
      '/internal/admin/teams/:name',
      shows({ response: { 200: TeamView } }),
      async ({ params }) => teamView(await perform('getTeam', params)),
    )
    app.patch<ByName>(
      '/internal/admin/teams/:name',
      changes({ body: TeamInput, response: { 200: TeamView } }),
      async (request) =>
        teamView(
          await perform('updateTeam', { actor: actorOf(request), ...request.params, change: request.body }),
        ),
    )
    app.delete<ByName>(
      '/internal/admin/teams/:name',
      changes({ response: { 200: TeamView } }),
      async (request) =>
        teamView(await perform('deleteTeam', { actor: actorOf(request), ...request.params })),
    )

    app.get<Queried>(
      '/internal/admin/owners',
      shows({ querystring: NamesQuery, response: { 200: OwnersView } }),
      async ({ query }) => {
        const { items, next = null } = await perform('listOwners', readNamesQuery(query))
        return { owners: items.map(ownerView), next }
      },
    )
    app.post(
      '/internal/admin/owners',
      changes({ body: OwnerInput, response: { 201: OwnerView } }),
      async (request, reply) => {
        const fields = readInput(OwnerInput, 'owner', request.body)
        const record = await perform('createOwner', { actor: actorOf(request), fields })
        return reply.code(201).send(ownerView(record))
      },
    )
    app.get<ByName>(
      '/internal/admin/owners/:name',
      shows({ response: { 200: OwnerView } }),
      async ({ params }) => ownerView(await perform('getOwner', params)),
    )
    app.patch<ByName>(
      '/internal/admin/owners/:name',
      changes({ body: OwnerInput, response: { 200: OwnerView } }),
      async (request) =>
        ownerView(
          await perform('updateOwner', { actor: actorOf(request), ...request.params, change: request.body }),
        ),
    )
    app.delete<ByName>(
      '/internal/admin/owners/:name',
      changes({ response: { 200: OwnerView } }),
      async (request) =>
        ownerView(await perform('deleteOwner', { actor: actorOf(request), ...request.params })),
    )
    done()
  },
  {
    name: 'gateway-routes-caller-groups',
    fastify: '5.x',
    encapsulate: true,
    dependencies: ['gateway-callers', 'gateway-internal-access', 'gateway-request-context'],
  },
)
