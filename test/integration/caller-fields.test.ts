// Each field of policies and limits: written, shown, and in force at once; and who may write.
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { LimitsSchema, PolicySchema } from '../../src/config/schema/callers-schema.ts'
import { adminOf, bearer, callersSecret, configuredKey, storeFile } from '../support/callers.ts'
import { startGateway } from '../support/gateway.ts'
import { startScriptedEndpoint } from '../support/scripted-endpoint.ts'
import { eventually } from '../support/simulator.ts'

async function start(t: TestContext, sections: Record<string, Record<string, unknown>> = {}) {
  const usage = { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 }
  const message = { role: 'assistant', content: 'hi' }
  const answer = { id: 'x', choices: [{ index: 0, message, finish_reason: 'stop' }], usage }
  const endpoint = await startScriptedEndpoint(t, ['m', 'other'], () => ({ body: answer }))
  const { entry } = configuredKey('fixed')
  const prices = [{ models: ['*'], input: 1, output: 2 }]
  const callers = { store: await storeFile(), secret: callersSecret, keys: [entry], prices }
  const endpoints = [{ url: endpoint.url, name: 'one', type: 'openai', tags: ['gpu'] }]
  const gateway = await startGateway(t, sections.dashboard === undefined ? endpoints : [], {
    ...sections,
    callers,
  })
  const admin = adminOf(gateway.url)
  const send = async (key: string, fields: object = {}, signal?: AbortSignal) => {
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: bearer(key),
      ...(signal === undefined ? {} : { signal }),
      body: JSON.stringify({
        model: 'm',
        max_tokens: 20,
        messages: [{ role: 'user', content: 'hi' }],
        ...fields,
      }),
    })
    await response.text()
    return response.status
  }
  return { url: gateway.url, endpoint, admin, send }
}

type Effect = { readonly status: number } | { readonly sent: Readonly<Record<string, unknown>> }

/** A value of each field of a policy, and what the next request then gets or sends. */
const policies: Readonly<Record<keyof typeof PolicySchema.properties, readonly [value: unknown, Effect]>> = {
  models: [{ include: ['other'], exclude: [] }, { status: 403 }],
  endpoints: [{ include: ['two'], exclude: [] }, { status: 403 }],
  endpoint_tags: [['cpu'], { status: 403 }],
  dialects: [['anthropic'], { status: 403 }],
  routes: [['/v1/embeddings'], { status: 403 }],
  networks: [['192.0.2.0/24'], { status: 403 }],
  defaults: [{ temperature: 0.3 }, { sent: { temperature: 0.3 } }],
  caps: [{ max_tokens: 7 }, { sent: { max_tokens: 7 } }],
  // The waiting line reads them.
  priority: ['low', { status: 200 }],
  weight: [2.5, { status: 200 }],
}

/** A value of each limit that the request before has used up. */
const limits: Readonly<Record<keyof typeof LimitsSchema.properties, unknown>> = {
  requests_per_minute: 1,
  tokens_per_minute: { prompt: 0, completion: 0, total: 45 },
  tokens_per_day: { prompt: 0, completion: 20, total: 0 },
  max_concurrent: 1,
  soft: 0.5,
  budgets: [{ amount: 45, unit: 'tokens', period: 'month', window: 'calendar', soft: 0.5 }],
}

/** Sent on connections of their own, so that all threads get some. */
const tries = 6

describe('each field', () => {
  it('of a policy is shown as written, and is in force at once', async (t) => {
    const { admin, send, endpoint } = await start(t)
    for (const [field, [value, effect]] of Object.entries(policies)) {
      await t.test(field, async () => {
        const path = `/keys/${field}`
        const key = String((await admin('POST', '/keys', { name: field })).body.key)
        for (let count = 0; count < tries; count++) assert.equal(await send(key), 200)
        const { status, body } = await admin('PATCH', path, { policy: { [field]: value } })
        assert.equal(status, 200)
        assert.deepEqual((body.policy as Record<string, unknown>)[field], value)
        assert.deepEqual((await admin('GET', path)).body.policy, body.policy)
        const { keys } = (await admin('GET', '/keys')).body as { keys: { name: string; policy: unknown }[] }
        assert.deepEqual(keys.find(({ name }) => name === field)?.policy, body.policy)
        const before = endpoint.calls.length
        const statuses = await Promise.all(Array.from({ length: tries }, () => send(key)))
        assert.deepEqual(statuses, Array(tries).fill('status' in effect ? effect.status : 200))
        if (!('sent' in effect)) return
        for (const call of endpoint.calls.slice(before))
          for (const [name, sent] of Object.entries(effect.sent)) assert.equal(call.body[name], sent)
      })
    }
  })

  it('of limits is shown as written, and is in force at once', async (t) => {
    const { admin, send, endpoint } = await start(t)
    const { answer } = endpoint
    for (const [field, value] of Object.entries(limits)) {
      for (const kind of ['key', 'owner', 'team'] as const) {
        await t.test(`${field} of a ${kind}`, async () => {
          const name = `${kind}-${field}`
          for (const group of ['team', 'owner']) await admin('POST', `/${group}s`, { name })
          const created = await admin('POST', '/keys', { name, team: name, owner: name })
          const key = String(created.body.key)
          for (let count = 0; count < tries; count++) assert.equal(await send(key), 200)
          const path = `/${kind}s/${name}`
          // A share limits nothing by itself.
          const others = field === 'soft' ? { requests_per_minute: 1 } : {}
          const { status, body } = await admin('PATCH', path, { limits: { [field]: value, ...others } })
          assert.equal(status, 200)
          assert.deepEqual((body.limits as Record<string, unknown>)[field], value)
          assert.deepEqual((await admin('GET', path)).body.limits, body.limits)
          if (field === 'max_concurrent') {
            endpoint.answer = () => 'silent'
            const abort = new AbortController()
            const { length } = endpoint.calls
            const held = send(key, {}, abort.signal).catch(() => 0)
            await eventually(() => endpoint.calls.length > length)
            assert.equal(await send(key), 429)
            abort.abort()
            await held
            endpoint.answer = answer
            return
          }
          // The first request after the change takes what there is.
          const statuses = []
          for (let count = 0; count < tries; count++) statuses.push(await send(key))
          assert.deepEqual(statuses, [200, ...Array(tries - 1).fill(429)])
        })
      }
    }
  })

  it('that is unknown or wrong is refused by its name, wherever it is', async (t) => {
    const { admin } = await start(t)
    await admin('POST', '/keys', { name: 'ci' })
    await admin('POST', '/teams', { name: 'ml' })
    await admin('POST', '/owners', { name: 'ann' })
    const unknown: [body: object, param: string][] = [
      [{ budget: 1 }, 'budget'],
      [{ 'x-budget': 1 }, 'x-budget'],
      [{ limits: { rpm: 1 } }, 'limits.rpm'],
      [{ limits: { 'x-rpm': 1 } }, 'limits.x-rpm'],
      [{ limits: { tokens_per_minute: { input: 1 } } }, 'limits.tokens_per_minute.input'],
      [{ limits: { tokens_per_day: { output: 1 } } }, 'limits.tokens_per_day.output'],
      [{ limits: { budgets: [{ amount: 1, duration: '1d' }] } }, 'limits.budgets[0].duration'],
    ]
    const ofPolicy: [body: object, param: string][] = [
      [{ policy: { model: [] } }, 'policy.model'],
      [{ policy: { models: { allow: [] } } }, 'policy.models.allow'],
      [{ policy: { endpoints: { only: [] } } }, 'policy.endpoints.only'],
    ]
    for (const field of Object.keys(PolicySchema.properties))
      ofPolicy.push([{ policy: { [field]: 0.5 } }, `policy.${field}`])
    for (const field of Object.keys(LimitsSchema.properties))
      unknown.push([{ limits: { [field]: 'much' } }, `limits.${field}`])
    const targets = [
      ['PATCH', '/keys/ci', {}, [...unknown, ...ofPolicy]],
      ['POST', '/keys', { name: 'new' }, [...unknown, ...ofPolicy]],
      ['PATCH', '/teams/ml', {}, [...unknown, ...ofPolicy]],
      ['POST', '/teams', { name: 'new' }, [...unknown, ...ofPolicy]],
      ['PATCH', '/owners/ann', {}, [...unknown, [{ policy: {} }, 'policy']]],
      ['POST', '/owners', { name: 'new' }, [...unknown, [{ policy: {} }, 'policy']]],
    ] as const
    for (const [method, path, name, cases] of targets) {
      for (const [body, param] of cases) {
        if (param === 'policy.weight') continue
        const { status, body: answer, text } = await admin(method, path, { ...name, ...body })
        assert.deepEqual(
          [status, (answer.error as { param: string }).param],
          [400, param],
          `${method} ${path} ${text}`,
        )
      }
    }
    const { keys } = (await admin('GET', '/keys')).body as { keys: { name: string }[] }
    assert.deepEqual(
      keys.map(({ name }) => name),
      ['ci', 'fixed'],
    )
  })
})

const writes = [
  ['POST', '/keys', { name: 'new' }],
  ['PATCH', '/keys/ci', { enabled: false }],
  ['POST', '/keys/ci/rotate', {}],
  ['DELETE', '/keys/ci', undefined],
  ['POST', '/teams', { name: 'new' }],
  ['PATCH', '/teams/ml', { enabled: false }],
  ['DELETE', '/teams/ml', undefined],
  ['POST', '/owners', { name: 'new' }],
  ['PATCH', '/owners/ann', { enabled: false }],
  ['DELETE', '/owners/ann', undefined],
] as const

const adminToken = 'sixteen-letters-1'

describe('a request that changes callers', () => {
  it('is refused without the proof of an operator, with the key of a client, and from another page', async (t) => {
    const { admin, url } = await start(t)
    const key = String((await admin('POST', '/keys', { name: 'ci' })).body.key)
    await admin('POST', '/teams', { name: 'ml' })
    await admin('POST', '/owners', { name: 'ann' })
    const attempts: Record<string, string>[] = [
      {},
      { authorization: `Bearer ${key}` },
      { 'x-api-key': key },
      { 'x-olla-gateway': '1', origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
    ]
    await expectRefused(url, attempts)
    assert.deepEqual(((await admin('GET', '/audit')).body.changes as unknown[]).length, 3)
  })

  it('is refused without the admin token, if there is one', async (t) => {
    const { url } = await start(t, {
      dashboard: { admin_token: adminToken, access_policy: { allowed_cidrs: [] } },
    })
    const headers = { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' }
    for (const [path, name] of [
      ['keys', 'ci'],
      ['teams', 'ml'],
      ['owners', 'ann'],
    ] as const) {
      const body = JSON.stringify({ name })
      const made = await fetch(`${url}/internal/admin/${path}`, { method: 'POST', headers, body })
      assert.equal(made.status, 201, await made.text())
    }
    await expectRefused(url, [{}, { 'x-olla-gateway': '1' }])
    const audit = await fetch(`${url}/internal/admin/audit`, { headers })
    assert.equal(((await audit.json()) as { changes: unknown[] }).changes.length, 3)
  })

  async function expectRefused(url: string, attempts: readonly Record<string, string>[]): Promise<void> {
    for (const [method, path, body] of writes) {
      for (const headers of attempts) {
        const response = await fetch(`${url}/internal/admin${path}`, {
          method,
          headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        })
        const text = await response.text()
        assert.ok(
          [401, 403].includes(response.status),
          `${method} ${path} ${JSON.stringify(headers)}: ${response.status} ${text}`,
        )
      }
    }
  }
})
