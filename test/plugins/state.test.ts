import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import Fastify from 'fastify'
import internalAccess from '../../plugins/admin/internal-access.ts'
import security from '../../plugins/admin/security.ts'
import requestContext from '../../plugins/proxy/request-context.ts'
import events from '../../plugins/runtime/events.ts'
import state from '../../plugins/runtime/state.ts'

const off = { global_requests_per_minute: 0, per_ip_requests_per_minute: 0, health_requests_per_minute: 0 }

describe('the memory of a feature', () => {
  for (const { name, rates, adminToken, isTaken } of [
    { name: 'no limit and no token', rates: off, adminToken: undefined, isTaken: false },
    {
      name: 'a rate limit',
      rates: { ...off, health_requests_per_minute: 1 },
      adminToken: undefined,
      isTaken: true,
    },
    { name: 'an admin token', rates: off, adminToken: 'a-long-enough-token', isTaken: true },
  ]) {
    it(`is ${isTaken ? '' : 'not '}allocated for rate limits with ${name}`, async (t) => {
      const app = Fastify()
      t.after(() => app.close())
      await app.register(events)
      await app.register(state)
      await app.register(requestContext)
      await app.register(security, { server: { rate_limits: rates } })
      await app.register(internalAccess, { dashboard: { admin_token: adminToken } })
      await app.ready()
      assert.equal(app.gatewayState.blocks.has('limits.store'), isTaken)
      assert.ok(app.gatewayState.blocks.has('violations.counts'))
    })
  }
})
