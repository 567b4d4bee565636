import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, it, type TestContext } from 'node:test'
import Fastify from 'fastify'
import { exportSPKI, importJWK } from 'jose'
import callers from '../../src/public/callers.ts'
import { bearer, callersSecret, configuredKey } from '../support/callers.ts'
import { postChat, startGateway } from '../support/gateway.ts'
import { type OidcServer, startOidcServer } from '../support/oidc-server.ts'
import { startScriptedEndpoint } from '../support/scripted-endpoint.ts'
import { eventually } from '../support/simulator.ts'

const answer = {
  id: 'x',
  choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }],
}

interface Asked {
  readonly status: number
  readonly reason: string | undefined
  readonly text: string
  readonly challenge: string | null
}

async function start(
  t: TestContext,
  jwt: Record<string, unknown> = {},
  callers: Record<string, unknown> = {},
) {
  const oidc = await startOidcServer(t)
  const endpoint = await startScriptedEndpoint(t, ['llama', 'other'], () => ({ body: answer }))
  const gateway = await startGateway(t, [{ url: endpoint.url }], {
    callers: {
      jwt: { issuer: oidc.issuer, audience: [oidc.audience], refetch_interval: '50ms', ...jwt },
      ...callers,
    },
  })
  /** On a connection of its own, so that every thread is asked in turn. */
  const ask = async (token: string, model = 'llama'): Promise<Asked> => {
    const headers = { ...bearer(token), connection: 'close' }
    const response = await postChat(gateway.url, { model }, { headers })
    const text = await response.text()
    const { error } = JSON.parse(text) as { error?: { message: string; code: string } }
    return {
      status: response.status,
      reason: error === undefined ? undefined : `${error.code}: ${error.message}`,
      text,
      challenge: response.headers.get('www-authenticate'),
    }
  }
  return { oidc, endpoint, gateway, ask }
}

/** Without the newlines and padding of PEM and base64. */
const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

async function forged(oidc: OidcServer, alg: 'HS256' | 'none'): Promise<string> {
  const [, payload] = (await oidc.sign()).split('.')
  const head = `${encoded({ alg, kid: oidc.keys[0]?.kid, typ: 'JWT' })}.${payload}`
  if (alg === 'none') return `${head}.`
  const key = await importJWK(oidc.keys[0] ?? { kty: 'EC' }, 'ES256', { extractable: true })
  if (key instanceof Uint8Array) throw new Error('not a public key')
  return `${head}.${createHmac('sha256', await exportSPKI(key))
    .update(head)
    .digest('base64url')}`
}

describe('tokens of an OIDC provider', () => {
  it('identify callers, with the policy of the team that a claim names', async (t) => {
    const { oidc, endpoint, gateway, ask } = await start(
      t,
      { claims: { name: 'preferred_username', team: 'realm.roles' }, teams: { 'ml-people': 'ml' } },
      { teams: [{ name: 'ml', policy: { models: { include: ['llama'] } } }] },
    )
    const token = await oidc.sign({ preferred_username: 'ann', realm: { roles: ['x', 'ml-people'] } })
    for (let count = 0; count < 4; count++) assert.equal((await ask(token)).status, 200)
    assert.equal((await ask(token, 'other')).reason?.startsWith('model_not_allowed'), true)
    const inHeader = await fetch(`${gateway.url}/v1/models`, { headers: { 'x-api-key': token } })
    const { data } = (await inHeader.json()) as { data: { id: string }[] }
    assert.deepEqual(
      data.map(({ id }) => id),
      ['llama'],
    )
    for (const { headers } of endpoint.calls) assert.ok(!JSON.stringify(headers).includes(token.slice(0, 20)))
    const shown = async () => (await fetch(`${gateway.url}/internal/requests`)).text()
    await eventually(async () => (await shown()).includes('"key_id":"jwt:user-1"'))
    const everything = `${await shown()}${gateway.lines.join('')}`
    assert.ok(everything.includes('"client":"ann"'))
    for (const part of token.split('.')) assert.ok(!everything.includes(part))
    assert.deepEqual(oidc.fetches, { discovery: 1, keys: 1 }, 'one fetch, whatever the number of threads')
  })

  it('are refused with the class of the reason, and repeated nowhere', async (t) => {
    const { oidc, ask, endpoint } = await start(t, { required_claims: { scope: ['llm', 'admin'] } })
    const now = Math.floor(Date.now() / 1000)
    const valid = { scope: 'openid llm' }
    const stranger = await startOidcServer(t)
    const signature = (await oidc.sign(valid)).split('.')
    const huge = await oidc.sign({ ...valid, groups: Array.from({ length: 4_000 }, () => 'group') })
    const cases: [string, string, number, RegExp][] = [
      ['right', await oidc.sign(valid), 200, /^$/],
      ['expired', await oidc.sign({ ...valid, exp: now - 60 }), 401, /^invalid_token: The token has expired/],
      [
        'early',
        await oidc.sign({ ...valid, nbf: now + 90 }),
        401,
        /^invalid_token: The token is not valid yet/,
      ],
      ['audience', await oidc.sign({ ...valid, aud: ['x'] }), 401, /another audience/],
      ['issuer', await stranger.sign(valid), 401, /unknown issuer/],
      ['other key', await stranger.sign({ ...valid, iss: oidc.issuer }), 401, /signature is not valid/],
      ['unknown key', await oidc.sign(valid, { kid: 'nothing' }), 401, /unknown key/],
      [
        'changed',
        [signature[0], encoded({ iss: oidc.issuer, exp: now + 9, sub: 'root' }), signature[2]].join('.'),
        401,
        /signature is not valid/,
      ],
      ['HS256 with the public key', await forged(oidc, 'HS256'), 401, /algorithm/],
      ['none', await forged(oidc, 'none'), 401, /algorithm/],
      ['no ID', await oidc.sign({ ...valid, sub: '' }), 401, /lacks a claim that names/],
      ['no scope', await oidc.sign({ scope: 'openid' }), 403, /^forbidden: The token lacks a required claim/],
      ['no JSON', 'eyJhbGciOiJ.eyJ.x', 401, /not a valid JWT/],
      ['encrypted', 'eyJhbGciOiJSU0EifQ.a.b.c.d', 401, /algorithm/],
    ]
    for (const [name, token, status, reason] of cases) {
      const asked = await ask(token)
      assert.equal(asked.status, status, `${name}: ${asked.text}`)
      assert.match(asked.reason ?? '', reason, name)
      if (status === 200) continue
      assert.match(asked.challenge ?? '', /^Bearer error="(?:invalid_token|insufficient_scope)"/, name)
      for (const part of token.split('.'))
        assert.ok(part.length < 8 || !`${asked.text}${asked.challenge}`.includes(part), name)
    }
    assert.ok([401, 431].includes((await ask(huge)).status), 'a token of more than 16 KiB')
    assert.equal(endpoint.calls.length, 1)
  })

  it('are refused in the dialect of the client', async (t) => {
    const { oidc, gateway } = await start(t)
    const token = await oidc.sign({ exp: 1 })
    const post = async (path: string) => {
      const body = JSON.stringify({
        model: 'llama',
        max_tokens: 1,
        messages: [{ role: 'user', content: 'x' }],
      })
      return (await fetch(`${gateway.url}${path}`, { method: 'POST', body, headers: bearer(token) })).json()
    }
    assert.deepEqual(
      ((await post('/v1/messages')) as { error: { type: string } }).error.type,
      'authentication_error',
    )
    assert.equal(((await post('/api/chat')) as { error: string }).error, 'The token has expired.')
  })

  it('of a new key are accepted at once, of a withdrawn one no more, and others cost no fetch', async (t) => {
    const { oidc, ask } = await start(t, { refetch_interval: '1ms' })
    const first = await oidc.sign()
    assert.equal((await ask(first)).status, 200)
    await oidc.rotate({ algorithm: 'RS256' })
    const second = await oidc.sign()
    assert.equal((await ask(second)).status, 200)
    assert.equal((await ask(first)).status, 200, 'the key is still there')
    await oidc.rotate({ keepsOld: false })
    // The next fetch shows that the old key is gone.
    assert.equal((await ask(await oidc.sign())).status, 200)
    await eventually(async () => (await ask(first)).reason?.endsWith('signed with an unknown key.') === true)
    assert.equal((await ask(await oidc.sign())).status, 200)
  })

  it('with unknown keys fetch the keys at a bounded pace', async (t) => {
    const { oidc, ask } = await start(t, { refetch_interval: '1h' }, { wrong_keys_per_minute: 5 })
    const before = { ...oidc.fetches }
    const statuses: number[] = []
    for (let count = 0; count < 8; count++)
      statuses.push((await ask(await oidc.sign({}, { kid: `invented-${count}` }))).status)
    assert.deepEqual(oidc.fetches, before)
    assert.deepEqual(statuses, [401, 401, 401, 401, 401, 429, 429, 429], 'and are limited for each address')
    assert.equal((await ask(await oidc.sign())).status, 200, 'right ones are not')
  })

  it('are verified with the last keys while the provider is away, until they are stale', async (t) => {
    const { oidc, ask } = await start(t, { refresh_interval: '50ms', stale_limit: '2s' })
    for (const mode of ['away', 'fails', 'floods'] as const) {
      oidc.mode = mode
      const { keys, discovery } = oidc.fetches
      await eventually(() => oidc.fetches.keys + oidc.fetches.discovery > keys + discovery + 1)
      assert.equal((await ask(await oidc.sign())).status, 200, mode)
      assert.equal((await ask(await oidc.sign({}, { kid: 'new' }))).status, 503, 'it may be a new key')
      oidc.mode = 'serves'
      await eventually(async () => (await ask(await oidc.sign({}, { kid: 'new' }))).status === 401)
    }
    const token = await oidc.sign()
    assert.equal((await ask(token)).status, 200)
    oidc.mode = 'away'
    await eventually(async () => (await ask(token)).status === 503)
    oidc.mode = 'serves'
    await eventually(async () => (await ask(token)).status === 200)
  })

  it('begin to work once a provider that was away at the start is there', async (t) => {
    const oidc = await startOidcServer(t)
    oidc.mode = 'away'
    const endpoint = await startScriptedEndpoint(t, ['m'], () => ({ body: answer }))
    const { key, entry } = configuredKey('ci')
    const gateway = await startGateway(t, [{ url: endpoint.url }], {
      callers: {
        secret: callersSecret,
        keys: [entry],
        jwt: { issuer: oidc.issuer, audience: [oidc.audience], refetch_interval: '50ms' },
      },
    })
    const ask = async (text: string) => {
      const response = await postChat(gateway.url, {}, { headers: bearer(text) })
      await response.text()
      return [response.status, response.headers.get('retry-after')]
    }
    assert.deepEqual(await ask(await oidc.sign()), [503, '2'])
    assert.equal((await ask(await forged(oidc, 'none')))[0], 401, 'no key makes it valid')
    assert.equal((await ask(key))[0], 200, 'keys need no provider')
    oidc.mode = 'serves'
    await eventually(async () => (await ask(await oidc.sign()))[0] === 200)
  })

  it('are limited with their owner and team, together with keys of the same team', async (t) => {
    const { key, entry } = configuredKey('ci', { team: 'ml' })
    const { oidc, ask } = await start(
      t,
      {},
      {
        secret: callersSecret,
        keys: [entry],
        owners: [{ name: 'ann', limits: { requests_per_minute: 1 } }],
        teams: [{ name: 'ml', limits: { requests_per_minute: 3 } }],
      },
    )
    const ann = await oidc.sign({ sub: 'ann', groups: ['ml'] })
    const bob = await oidc.sign({ sub: 'bob', groups: ['ml'] })
    const statuses: number[] = []
    for (const each of [ann, ann, bob, key, bob, key]) statuses.push((await ask(each)).status)
    assert.deepEqual(statuses, [200, 429, 200, 200, 429, 429])
  })

  it('identify callers of an app’s own routes', async (t) => {
    const oidc = await startOidcServer(t)
    const app = Fastify()
    t.after(() => app.close())
    const jwt = { issuer: oidc.issuer, audience: [oidc.audience] }
    await app.register(callers, { callers: { jwt } })
    app.get('/hello', ({ gateway }) => `hello ${gateway.identity?.owner}`)
    const headers = { authorization: `Bearer ${await oidc.sign({ sub: 'ann' })}` }
    assert.equal((await app.inject({ url: '/hello', headers })).body, 'hello ann')
    assert.equal((await app.inject('/hello')).statusCode, 401)
  })
})
