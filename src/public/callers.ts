/** API keys for an app's own routes, with policies, limits, a store and admin routes. Decorates `callers`. */
import fp from 'fastify-plugin'
import internalAccess from '../../plugins/admin/internal-access.ts'
import callerKeys from '../../plugins/callers/caller-keys.ts'
import callerLimits from '../../plugins/callers/caller-limits.ts'
import callerRequests from '../../plugins/callers/caller-requests.ts'
import callerStore from '../../plugins/callers/caller-store.ts'
import caller, { type CallerOptions } from '../../plugins/http/caller.ts'
import groups from '../../routes/callers/groups.ts'
import keys from '../../routes/callers/keys.ts'
import { issuersOf } from '../config/options/issuers.ts'
import { readSections, type Sections } from '../config/options/sections.ts'
import { once, requireRequests } from './requirements.ts'

export interface CallersOptions extends Sections<'callers' | 'server' | 'dashboard'>, CallerOptions {
  /** Whether to add the admin routes, `/internal/admin/*`, for clients that `dashboard` gives access. Default: false. */
  readonly admin?: boolean
}

export default fp<CallersOptions>(
  async function publicCallers(app, options) {
    const { callers: section } = readSections(
      options,
      ['callers', 'server', 'dashboard'],
      ['admin', 'identify'],
    )
    const { callers, server, dashboard, identify, admin = false } = options
    await requireRequests(app, server === undefined ? {} : { server })
    await once(app, caller, { identify })
    await app.register(callerStore, { callers })
    if (issuersOf(section.jwt).length > 0) {
      const { default: callerTokens } = await import('../../plugins/callers/caller-tokens.ts')
      await app.register(callerTokens, { callers })
    }
    await app.register(callerKeys, { callers, server })
    await app.register(callerLimits, { callers })
    await app.register(callerRequests)
    if (!admin) return
    await once(app, internalAccess, { dashboard, server })
    await app.register(keys)
    await app.register(groups)
  },
  { name: 'olla-gateway/plugins/callers', fastify: '5.x' },
)
