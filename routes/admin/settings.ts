/**
 * `/internal/admin/aliases`, `/internal/admin/log-level` and `/internal/admin/limits`: show settings and change them while
 * the gateway runs. Depends on the link to the control thread, which changes the configuration. The limits of callers have a
 * route of their own that shows these, too.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { GatewayError } from '../../src/kernel/errors.ts'
import {
  AliasBodySchema,
  AliasesSchema,
  AliasSchema,
  aliasesView,
  LimitBodySchema,
  LimitSettingsSchema,
  LogLevelBodySchema,
  LogLevelSchema,
  limitSettingsView,
  logLevelView,
  NewAliasBodySchema,
  SettingChangeSchema,
  settingChangeView,
} from '../../src/observe/views/settings.ts'
import {
  type SettingChange,
  type SettingResult,
  type SettingStatus,
  settingOrderTopic,
  settingStatusTopic,
} from '../../src/runtime/configuration/settings/setting-topics.ts'
import {
  type ChangeRequest,
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

export interface SettingRoutesOptions {
  /** Whether another route shows the limits. Default false. */
  readonly limitsAreShown?: boolean
}

const aliases = '/internal/admin/aliases'
const alias = `${aliases}/:name`
const logLevel = '/internal/admin/log-level'
const limits = '/internal/admin/limits'
const answers = { response: { 200: SettingChangeSchema, 201: SettingChangeSchema } }
const maxBodyBytes = 256 * 1024
/** Longer than a change takes, with slow threads. */
const orderMs = 60_000

export default fp<SettingRoutesOptions>(
  function settingRoutes(app, { limitsAreShown = false }, done) {
    neverStored(app)
    const link = app.gatewayPeers
    const taking = (body: object) => ({ ...changes({ body, ...answers }), bodyLimit: maxBodyBytes })

    app.get(aliases, shows({ response: { 200: AliasesSchema } }), async (_request, reply) =>
      tagged(reply, await status(), aliasesView),
    )
    app.get<Named>(alias, shows({ response: { 200: AliasSchema } }), async ({ params }, reply) => {
      const present = await status()
      const wanted = params.name.toLowerCase()
      const found = present.aliases.find(({ name }) => name.toLowerCase() === wanted)
      if (found === undefined) throw new GatewayError('not_found', 'There is no such alias.')
      return tagged(reply, present, () => ({ ...found }))
    })
    app.post<ChangeRequest & { Body: { name: string; targets: unknown[] } }>(
      aliases,
      taking(NewAliasBodySchema),
      (request, reply) => {
        const { name, ...value } = request.body
        return order(request, reply, { action: 'add-alias', name, value })
      },
    )
    app.put<ChangeRequest & Named & { Body: unknown }>(alias, taking(AliasBodySchema), (request, reply) =>
      order(request, reply, { action: 'set-alias', name: request.params.name, value: request.body }),
    )
    app.delete<ChangeRequest & Named>(alias, changes(answers), (request, reply) =>
      order(request, reply, { action: 'remove-alias', name: request.params.name }),
    )
    app.post<ChangeRequest & Named>(`${alias}/reset`, changes(answers), (request, reply) =>
      order(request, reply, { action: 'reset-alias', name: request.params.name }),
    )

    app.get(logLevel, shows({ response: { 200: LogLevelSchema } }), async (_request, reply) =>
      tagged(reply, await status(), logLevelView),
    )
    app.put<ChangeRequest & { Body: { level: string } }>(
      logLevel,
      taking(LogLevelBodySchema),
      (request, reply) => order(request, reply, { action: 'set-log-level', value: request.body.level }),
    )
    app.delete<ChangeRequest>(logLevel, changes(answers), (request, reply) =>
      order(request, reply, { action: 'reset-log-level' }),
    )

    if (!limitsAreShown) {
      app.get(limits, shows({ response: { 200: LimitSettingsSchema } }), async (_request, reply) =>
        tagged(reply, await status(), limitSettingsView),
      )
    }
    app.patch<ChangeRequest & { Body: Record<string, unknown> }>(
      limits,
      taking(LimitBodySchema),
      (request, reply) => order(request, reply, { action: 'change-limits', value: request.body }),
    )
    app.delete<ChangeRequest>(limits, changes(answers), (request, reply) =>
      order(request, reply, { action: 'reset-limits' }),
    )
    done()

    async function status(): Promise<SettingStatus> {
      const present = await link.requestControl(settingStatusTopic, undefined)
      if (present === undefined) throw new GatewayError('out_of_resources')
      return present
    }

    function tagged(reply: FastifyReply, present: SettingStatus, view: (status: SettingStatus) => object) {
      return reply.header('ETag', etagOf(present.version)).send(view(present))
    }

    async function order(
      request: FastifyRequest<ChangeRequest>,
      reply: FastifyReply,
      wanted: SettingChange,
    ): Promise<FastifyReply> {
      const options = changeOptions(request)
      const result = await link.requestControl(settingOrderTopic, { ...options, ...wanted }, orderMs)
      const isNew = wanted.action === 'add-alias' && !options.dryRun
      return sendChange<Extract<SettingResult, { readonly version: number }>>(reply, result, isNew, (made) =>
        settingChangeView(made, options.dryRun),
      )
    }
  },
  {
    name: 'gateway-routes-settings',
    fastify: '5.x',
    encapsulate: true,
    dependencies: ['gateway-peers', 'gateway-internal-access', 'gateway-request-context'],
  },
)
