import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import Fastify, { type InjectOptions } from 'fastify'
import internalAccess, { type InternalAccessOptions } from '../../plugins/admin/internal-access.ts'
import requestContext from '../../plugins/proxy/request-context.ts'
import events from '../../plugins/runtime/events.ts'
import state from '../../plugins/runtime/state.ts'
import type { GatewayEvent } from '../../src/runtime/events/events.ts'
import { settleEvents } from '../support/events.ts'
import { FakeClock } from '../support/fake-clock.ts'

const adminToken = 'a-long-enough-token'

async function start(t: TestContext, options: InternalAccessOptions = {}, prefix = '') {
  const app = Fastify({ bodyLimit: 104_857_600 })
  t.after(() => app.close())
  const seen: GatewayEvent[] = []
  await app.register(
    async (scope) => {
      await scope.register(events)
      await scope.register(state)
      scope.gatewayEvents.subscribe((event) => seen.push(event))
      await scope.register(requestContext)
      await scope.register(internalAccess, options)
      scope.get('/internal/health', { config: { internalAccess: 'open' } }, () => 'ok')
      scope.get('/internal/status', { config: { internalAccess: 'olla' } }, () => 'ok')
      scope.get('/internal/new', () => 'ok')
      scope.get('/internal/requests', { config: { internalAccess: 'gated' } }, () => 'ok')
      scope.delete('/internal/inflight/:id', { config: { internalAccess: 'change' } }, () => 'ok')
      scope.get('/internal/ui/*', { config: { internalAccess: 'page' } }, () => 'ok')
      scope.get('/v1/models', () => 'ok')
    },
    { prefix },
  )
  const ask = async (url: string, init: InjectOptions = {}) => {
    const headers = { host: 'localhost', ...init.headers }
    const answer = await app.inject({ url: `${prefix}${url}`, ...init, headers })
    return { status: answer.statusCode, headers: answer.headers, text: answer.body }
  }
  return { ask, seen }
}

const far = { remoteAddress: '203.0.113.9' }

describe('routes below /internal', () => {
  it('are open, gated or never gated, as configured per route', async (t) => {
    const { ask } = await start(t)
    assert.equal((await ask('/internal/health', far)).status, 200)
    assert.equal((await ask('/internal/status', far)).status, 200)
    assert.equal((await ask('/v1/models', far)).status, 200)
    assert.equal((await ask('/internal/requests', far)).status, 403)
    assert.equal((await ask('/internal/new', far)).status, 403)
    assert.equal((await ask('/internal/ui/', far)).status, 403)
    assert.equal((await ask('/internal/requests')).status, 200)
  })

  it('are all gated with gate_internal_api, except the probes', async (t) => {
    const { ask } = await start(t, { dashboard: { gate_internal_api: true } })
    assert.equal((await ask('/internal/status', far)).status, 403)
    assert.equal((await ask('/internal/status')).status, 200)
    assert.equal((await ask('/internal/health', far)).status, 200)
    assert.equal((await ask('/v1/models', far)).status, 200)
  })

  it('are matched by route, so that no spelling of a path bypasses the gate', async (t) => {
    const { ask } = await start(t, { dashboard: { gate_internal_api: true } }, '/llm')
    for (const path of ['/internal/status', '/internal/st%61tus', '/internal/status?x=1']) {
      assert.equal((await ask(path, far)).status, 403, path)
    }
  })

  it('refuse with Olla’s text, and publish it', async (t) => {
    const { ask, seen } = await start(t)
    const refused = await ask('/internal/requests', far)
    assert.equal(refused.text, '403 forbidden: ip not in allowed range (ip=203.0.113.9, host=localhost)\n')
    assert.equal(refused.headers['content-type'], 'text/plain; charset=utf-8')
    assert.equal(refused.headers['x-content-type-options'], 'nosniff')
    const rebound = await ask('/internal/requests', { headers: { host: 'evil.example' } })
    assert.equal(rebound.text, '403 forbidden: host not accepted (evil.example)\n')
    await settleEvents()
    const told = seen.filter(({ type }) => type === 'access.refused')
    assert.deepEqual(
      told.map(({ data }) => data),
      [
        { client: '203.0.113.9', host: 'localhost', path: '/internal/requests', reason: refused.text.trim() },
        {
          client: '127.0.0.1',
          host: 'evil.example',
          path: '/internal/requests',
          reason: rebound.text.trim(),
        },
      ],
    )
  })

  it('accept the admin token from any address, and request it', async (t) => {
    const { ask } = await start(t, {
      dashboard: { admin_token: adminToken, access_policy: { allowed_cidrs: [] } },
    })
    const refused = await ask('/internal/requests')
    assert.equal(refused.status, 401)
    assert.equal(refused.headers['www-authenticate'], 'Bearer')
    const headers = { host: 'any.example', authorization: `Bearer ${adminToken}` }
    assert.equal((await ask('/internal/requests', { ...far, headers })).status, 200)
  })

  it('redirect a browser to the login form if there is a token', async (t) => {
    const { ask } = await start(t, { dashboard: { admin_token: adminToken } }, '/llm')
    const page = await ask('/internal/ui/', { ...far, headers: { accept: 'text/html,*/*' } })
    assert.equal(page.status, 303)
    assert.equal(page.headers.location, '/llm/internal/ui/login')
    assert.equal((await ask('/internal/ui/app.js', far)).status, 401)
    assert.equal((await ask('/internal/ui/', { headers: { accept: 'text/html' } })).status, 200)
  })
})

describe('state-changing routes', () => {
  const cases: [string, Record<string, string>, number][] = [
    ['a program that means it', { 'x-olla-gateway': '1' }, 200],
    ['a form or image of any site', {}, 403],
    ['the page', { 'x-olla-gateway': '1', 'sec-fetch-site': 'same-origin', origin: 'http://localhost' }, 200],
    ['a script of another site', { 'x-olla-gateway': '1', 'sec-fetch-site': 'cross-site' }, 403],
    ['the same on plain HTTP', { 'x-olla-gateway': '1', origin: 'http://evil.example' }, 403],
    [
      'a page under a rebound name',
      { 'x-olla-gateway': '1', host: 'evil.example', origin: 'http://evil.example' },
      403,
    ],
    ['the token', { authorization: `Bearer ${adminToken}` }, 200],
    [
      'the token from another site’s script',
      { authorization: `Bearer ${adminToken}`, 'sec-fetch-site': 'cross-site' },
      403,
    ],
    ['a wrong token', { authorization: 'Bearer wrong', 'x-olla-gateway': '1' }, 401],
  ]
  for (const [name, headers, status] of cases) {
    it(`answer ${status} to ${name}`, async (t) => {
      const isToken = 'authorization' in headers
      const { ask } = await start(t, isToken ? { dashboard: { admin_token: adminToken } } : {})
      const answer = await ask('/internal/inflight/x', { method: 'DELETE', headers })
      assert.equal(answer.status, status)
    })
  }
})

describe('without a configured token', () => {
  it('a bearer token does not mark a deliberate request', async (t) => {
    const { ask } = await start(t)
    const cancel = (headers: Record<string, string>) =>
      ask('/internal/inflight/x', { method: 'DELETE', headers: { authorization: 'Bearer x', ...headers } })
    assert.equal((await cancel({})).status, 403)
    assert.equal((await cancel({ 'x-olla-gateway': '1' })).status, 200)
  })
})

describe('wrong tokens', () => {
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

  it('are limited per client, and the right one is not compared meanwhile', async (t) => {
    const clock = new FakeClock()
    const { ask, seen } = await start(t, { dashboard: { admin_token: adminToken }, clock })
    const tell = async (token: string, remoteAddress: string) => {
      const { status, headers } = await ask('/internal/requests', { remoteAddress, headers: bearer(token) })
      return [status, headers['retry-after']]
    }
    for (let guess = 0; guess < 10; guess++) {
      assert.deepEqual(await tell(`wrong-${guess}`, '203.0.113.9'), [401, undefined])
    }
    for (const token of ['wrong', adminToken]) {
      assert.deepEqual(await tell(token, '203.0.113.9'), [429, '6'], token)
    }
    assert.deepEqual(await tell(adminToken, '203.0.113.10'), [200, undefined])
    await settleEvents()
    assert.equal(seen.filter(({ type }) => type === 'access.refused').length, 10)
    await clock.advance(6_000)
    assert.deepEqual(await tell(adminToken, '203.0.113.9'), [200, undefined])
  })

  it('are counted by the prefix of an IPv6 address', async (t) => {
    const { ask } = await start(t, { dashboard: { admin_token: adminToken } })
    const statuses = new Set<number>()
    for (let guess = 0; guess < 12; guess++) {
      const remoteAddress = `2001:db8:0:1::${guess + 1}`
      statuses.add((await ask('/internal/requests', { remoteAddress, headers: bearer('wrong') })).status)
    }
    assert.deepEqual([...statuses], [401, 429])
  })

  it('cost nothing while the client sends the right one', async (t) => {
    const { ask } = await start(t, {
      dashboard: { admin_token: adminToken, access_policy: { allowed_cidrs: [] } },
    })
    for (let scrape = 0; scrape < 40; scrape++) {
      assert.equal((await ask('/internal/requests', { headers: bearer(adminToken) })).status, 200)
    }
  })
})

describe('bodies below /internal', () => {
  it('are limited to a small size, whatever the limit for inference', async (t) => {
    const { ask } = await start(t)
    const send = (length: number) =>
      ask('/internal/inflight/x', {
        method: 'DELETE',
        headers: { 'x-olla-gateway': '1', 'content-type': 'application/json' },
        payload: JSON.stringify('x'.repeat(length)),
      })
    assert.equal((await send(1_000_000)).status, 200)
    assert.equal((await send(1_048_577)).status, 413)
  })
})

describe('pages of other sites', () => {
  it('can neither read nor keep a stream open from a visitor’s address, but may link here', async (t) => {
    const { ask } = await start(t)
    const there = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' }
    assert.equal((await ask('/internal/requests', { headers: there })).status, 403)
    const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }
    assert.equal((await ask('/internal/ui/', { headers: link })).status, 200)
    assert.equal(
      (await ask('/internal/requests', { headers: { origin: 'http://localhost:3000' } })).status,
      403,
    )
  })
})
