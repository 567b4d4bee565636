import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { adminOf, callersSecret, configuredKey, storeFile } from '../support/callers.ts'
import { startGateway } from '../support/gateway.ts'

async function start(t: TestContext, sections: Record<string, Record<string, unknown>> = {}) {
  const { entry } = configuredKey('fixed', { team: 'file' })
  const callers = {
    store: await storeFile(),
    secret: callersSecret,
    keys: [entry],
    teams: [{ name: 'file' }],
  }
  const gateway = await startGateway(
    t,
    [],
    { ...sections, callers },
    { headers: { authorization: 'Bearer sixteen-letters-1' } },
  )
  return { url: gateway.url, admin: adminOf(gateway.url) }
}

const messageOf = (body: Record<string, unknown>) =>
  (body.error as { message: string; param: string | null } | undefined) ?? { message: '', param: null }

describe('the admin routes of callers', () => {
  it('name each wrong field of a body', async (t) => {
    const { admin } = await start(t)
    await admin('POST', '/keys', { name: 'ci' })
    const cases: [string, string, unknown, RegExp, string][] = [
      ['POST', '/keys', {}, /"name" is missing/, ''],
      ['POST', '/keys', [], /must be a mapping/, ''],
      ['POST', '/keys', { name: '' }, /^name: must not be empty$/, 'name'],
      ['POST', '/keys', { name: ' a' }, /^name: must not have spaces/, 'name'],
      ['POST', '/keys', { name: 'a', hash: 'x' }, /^hash: unknown key/, 'hash'],
      ['POST', '/keys', { name: 'a', id: 'key_1' }, /^id: unknown key/, 'id'],
      ['POST', '/keys', { name: 'a', 'x-other': 1 }, /unknown key/, ''],
      ['POST', '/keys', { name: 'a', limts: {} }, /^limts: unknown key, did you mean "limits"\?$/, 'limts'],
      [
        'POST',
        '/keys',
        { name: 'a', limits: { max_concurrent: -1 } },
        /^limits\.max_concurrent: must be at least 0$/,
        'limits.max_concurrent',
      ],
      [
        'POST',
        '/keys',
        { name: 'a', limits: { budgets: [{ amount: 0 }] } },
        /^limits\.budgets\[0\]\.amount: must be > 0$/,
        'limits.budgets[0].amount',
      ],
      [
        'POST',
        '/keys',
        { name: 'a', limits: { max_budget: 5 } },
        /^limits\.max_budget: unknown key/,
        'limits.max_budget',
      ],
      ['PATCH', '/keys/ci', { expires_at: null }, /^expires_at: unknown key/, 'expires_at'],
      ['POST', '/keys', { name: 'a', expires: 'soon' }, /^expires: must be a time/, 'expires'],
      ['POST', '/keys', { name: 'a', enabled: 'yes' }, /^enabled: must be true or false$/, 'enabled'],
      [
        'POST',
        '/keys',
        { name: 'a', policy: { networks: ['10.0.0.0'] } },
        /^policy\.networks\[0\]: "10\.0\.0\.0" is not a network/,
        'policy.networks[0]',
      ],
      [
        'POST',
        '/keys',
        { name: 'a', policy: { dialects: ['openia'] } },
        /^policy\.dialects\[0\]: must be one of openai, anthropic, ollama, did you mean "openai"\?$/,
        'policy.dialects[0]',
      ],
      ['POST', '/keys', { name: 'a', team: 'none' }, /^team: there is no team "none"$/, 'team'],
      [
        'PATCH',
        '/keys/ci',
        { limits: { requests_per_minute: 1.5 } },
        /^limits\.requests_per_minute: must be a whole number$/,
        'limits.requests_per_minute',
      ],
      ['PATCH', '/keys/ci', { created_at: 'x' }, /^created_at: unknown key/, 'created_at'],
      ['PATCH', '/keys/ci', 5, /must be a JSON object/, ''],
      ['POST', '/keys/ci/rotate', { overlap: 5 }, /^overlap: unknown key/, 'overlap'],
      ['POST', '/keys/ci/rotate', { overlap_seconds: -1 }, /must be at least 0/, 'overlap_seconds'],
      ['POST', '/teams', { name: 't', owner: 'x' }, /^owner: unknown key/, 'owner'],
      ['POST', '/owners', { name: 't', policy: {} }, /^policy: unknown key/, 'policy'],
      ['PATCH', '/teams/file', { enabled: false }, /in the configuration/, ''],
      ['GET', '/keys?limit=0', undefined, /^limit: must be a whole number from 1 to 1000$/, 'limit'],
      ['GET', '/keys?limits=5', undefined, /^limits: unknown; there are/, 'limits'],
      ['GET', '/keys?enabled=maybe', undefined, /^enabled: must be true or false$/, 'enabled'],
    ]
    for (const [method, path, body, message, param] of cases) {
      const answer = await admin(method, path, body)
      const found = messageOf(answer.body)
      const what = `${method} ${path} ${JSON.stringify(body)}: ${answer.text}`
      assert.ok(answer.status === 400 || answer.status === 409, what)
      assert.match(found.message, message, what)
      if (param !== '') assert.equal(found.param, param, what)
    }
    assert.equal(((await admin('GET', '/keys')).body.keys as unknown[]).length, 2, 'nothing was stored')
  })

  it('show what was written, page by page and by filters', async (t) => {
    const { admin } = await start(t)
    await admin('POST', '/teams', {
      name: 'ml',
      limits: { max_concurrent: 3 },
      policy: { models: { include: ['llama*'] } },
    })
    await admin('POST', '/owners', { name: 'ann', metadata: { mail: 'ann@example.com' } })
    for (const name of ['alpha', 'beta', 'gamma', 'zeta_1'])
      await admin('POST', '/keys', {
        name,
        team: 'ml',
        ...(name === 'beta' ? { owner: 'ann', enabled: false } : {}),
      })
    const names = async (query: string) => {
      const { body } = await admin('GET', `/keys${query}`)
      return [(body.keys as { name: string }[]).map(({ name }) => name), body.next]
    }
    assert.deepEqual(await names('?limit=2'), [['alpha', 'beta'], 'beta'])
    assert.deepEqual(await names('?limit=2&after=beta'), [['fixed', 'gamma'], 'gamma'])
    assert.deepEqual(await names('?limit=2&after=gamma'), [['zeta_1'], null])
    assert.deepEqual(await names('?owner=ann'), [['beta'], null])
    assert.deepEqual(await names('?team=file'), [['fixed'], null])
    assert.deepEqual(await names('?enabled=false'), [['beta'], null])
    assert.deepEqual(await names('?search=ETA'), [['beta', 'zeta_1'], null])
    assert.deepEqual(await names('?search=%25'), [[], null], 'no pattern of SQL')

    const team = (await admin('GET', '/teams/ml')).body as {
      limits: { max_concurrent: number; budgets: unknown[] }
    }
    assert.deepEqual([team.limits.max_concurrent, team.limits.budgets], [3, []])
    assert.equal((await admin('DELETE', '/teams/ml')).status, 409, 'it has keys')
    assert.equal((await admin('POST', '/teams', { name: 'ml' })).status, 409)
    assert.equal((await admin('PATCH', '/teams/ml', { name: 'other' })).status, 400)
    const changed = await admin('PATCH', '/owners/ann', { limits: { requests_per_minute: 7 } })
    assert.deepEqual((changed.body as { metadata: unknown }).metadata, { mail: 'ann@example.com' })
    assert.equal((await admin('DELETE', '/owners/ann')).status, 200)
    assert.equal((await admin('GET', '/owners/ann')).status, 404)
  })

  it('are closed to keys, to pages of other sites and to clients without access', async (t) => {
    const { url } = await start(t, {
      dashboard: { admin_token: 'sixteen-letters-1', access_policy: { allowed_cidrs: [] } },
    })
    const token = { authorization: 'Bearer sixteen-letters-1', 'content-type': 'application/json' }
    const send = async (method: string, path: string, headers: Record<string, string>, body?: unknown) =>
      await fetch(`${url}/internal/admin${path}`, {
        method,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
    const created = await send('POST', '/keys', token, { name: 'ci' })
    assert.equal(created.status, 201)
    const { key } = (await created.json()) as { key: string }
    const routes: [string, string][] = [
      ['GET', '/keys'],
      ['POST', '/keys'],
      ['GET', '/keys/ci'],
      ['PATCH', '/keys/ci'],
      ['DELETE', '/keys/ci'],
      ['POST', '/keys/ci/rotate'],
      ['GET', '/audit'],
      ['GET', '/teams'],
      ['POST', '/teams'],
      ['PATCH', '/teams/file'],
      ['DELETE', '/teams/file'],
      ['GET', '/owners'],
      ['POST', '/owners'],
      ['PATCH', '/owners/x'],
      ['DELETE', '/owners/x'],
    ]
    for (const [method, path] of routes) {
      const body = method === 'GET' || method === 'DELETE' ? undefined : { name: 'x', limits: {} }
      assert.equal(
        (
          await send(
            method,
            path,
            { 'content-type': 'application/json', 'x-api-key': key, 'x-olla-gateway': '1' },
            body,
          )
        ).status,
        401,
        `${method} ${path}`,
      )
    }
    const audit = (await (await send('GET', '/audit', token)).json()) as { changes: { actor: string }[] }
    assert.equal(audit.changes.at(-1)?.actor, '127.0.0.1 (token)')

    const open = await start(t)
    const unmarked = await fetch(`${open.url}/internal/admin/keys`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'x' }),
    })
    assert.equal(unmarked.status, 403, 'a form of another page can send this')
  })
})
