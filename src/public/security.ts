/** Rate and size limits with errors in the dialect of the requested API. Decorates `gatewaySecurity`. */
import fp from 'fastify-plugin'
import security, { type SecurityOptions } from '../../plugins/admin/security.ts'
import { requireRequests } from './requirements.ts'

export type { SecurityOptions }

export default fp<SecurityOptions>(
  async function publicSecurity(app, options) {
    const { server } = options
    await requireRequests(app, server === undefined ? {} : { server })
    await app.register(security, options)
  },
  { name: 'olla-gateway/plugins/security', fastify: '5.x' },
)
