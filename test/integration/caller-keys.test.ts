import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createKey } from '../../src/callers/keys/key-text.ts'
import { adminOf, bearer, callersSecret, configuredKey, storeFile } from '../support/callers.ts'
import { chatBody, postChat, startGateway } from '../support/gateway.ts'
import { startScriptedEndpoint } from '../support/scripted-endpoint.ts'
import { eventually } from '../support/simulator.ts'

const answer = {
  id: 'x',
  choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }],
}

describe('API keys', () => {
  it('are required of every client, in the places where SDKs put them', async (t) => {
    const { key, entry } = configuredKey('ci')
    const endpoint = await startScriptedEndpoint(t, ['m'], () => ({ body: answer }))
    const gateway = await startGateway(
      t,
      [{ url: endpoint.url, auth: { type: 'bearer', token: 'endpoint-token' } }],
      { callers: { secret: callersSecret, keys: [entry] } },
    )
    const ask = (headers: Record<string, string>) =>
      postChat(gateway.url, {}, { headers: { 'content-type': 'application/json', ...headers } })
    for (const headers of [{ authorization: `Bearer ${key}` }, { 'x-api-key': key }, { 'api-key': key }]) {
      const response = await ask(headers)
      assert.equal(response.status, 200)
      await response.text()
    }
    // The endpoint gets its own credentials, and nothing of the client's.
    assert.equal(endpoint.calls.length, 3)
    for (const { headers } of endpoint.calls) {
      assert.equal(headers.authorization, 'Bearer endpoint-token')
      assert.ok(!JSON.stringify(headers).includes(key))
    }
    for (const headers of [{}, { authorization: `Bearer ${createKey()}` }, { 'x-api-key': 'ollama' }]) {
      const response = await ask(headers)
      assert.equal(response.status, 401)
      assert.equal(response.headers.get('www-authenticate'), 'Bearer')
      const { error } = (await response.json()) as { error: Record<string, unknown> }
      assert.deepEqual([error.type, error.code], ['authentication_error', 'invalid_api_key'])
    }
    assert.equal(endpoint.calls.length, 3)
  })

  it('are refused in the dialect of the client', async (t) => {
    const { entry } = configuredKey('ci')
    const endpoint = await startScriptedEndpoint(t, ['m'], () => ({ body: answer }))
    const gateway = await startGateway(t, [{ url: endpoint.url }], {
      callers: { secret: callersSecret, keys: [entry] },
    })
    const errorAt = async (path: string, init: RequestInit = {}) => {
      const response = await fetch(`${gateway.url}${path}`, init)
      return [response.status, ((await response.json()) as { error: unknown }).error] as const
    }
    const post = { method: 'POST', body: chatBody(), headers: { 'content-type': 'application/json' } }
    const [, anthropic] = await errorAt('/v1/messages', post)
    assert.equal((anthropic as { type: string }).type, 'authentication_error')
    const [, ollama] = await errorAt('/api/chat', post)
    assert.match(String(ollama), /API key is required/)
    for (const path of ['/v1/models', '/api/tags', '/olla/models', '/olla/proxy/v1/models', '/nothing'])
      assert.equal((await errorAt(path))[0], 401, path)
    assert.equal((await fetch(`${gateway.url}/internal/health`)).status, 200)
  })

  it('name the caller in lines and lists of requests, and appear nowhere themselves', async (t) => {
    const { key, entry } = configuredKey('ci', { owner: 'ann' })
    const wrong = createKey()
    const endpoint = await startScriptedEndpoint(t, ['m'], ({ headers }) => ({
      body: { ...answer, headers },
    }))
    const gateway = await startGateway(t, [{ url: endpoint.url }], {
      callers: { secret: callersSecret, keys: [entry] },
    })
    const texts: string[] = []
    for (const each of [key, wrong]) {
      const response = await postChat(gateway.url, {}, { headers: bearer(each) })
      texts.push(JSON.stringify([...response.headers]), await response.text())
      texts.push(
        await (await fetch(`${gateway.url}/v1/models?api_key=${each}`, { headers: bearer(each) })).text(),
      )
      // Where a key does not belong; only the client itself reads it there.
      const headers = { ...bearer(each), 'user-agent': `agent ${each}` }
      for (const misplaced of [each, `openai/${each}`])
        texts.push(await (await postChat(gateway.url, { model: misplaced }, { headers })).text())
      const inUrl = await fetch(`${gateway.url}/v1/${each}`, { headers })
      assert.equal(inUrl.status, 400, 'it would go on to an endpoint')
      texts.push(await inUrl.text())
    }
    const read = async (path: string) => (await fetch(`${gateway.url}${path}`)).text()
    await eventually(async () => (await read('/internal/requests')).includes('"key_id":"config:ci"'))
    for (const path of [
      'requests',
      'status',
      'stats/models',
      'stats/users',
      'process',
      'metrics',
      'config',
      'admin/keys',
      'events?limit=0',
    ])
      if (path !== 'events?limit=0') texts.push(await read(`/internal/${path}`))
    const { requests } = JSON.parse(await read('/internal/requests')) as { requests: { client: string }[] }
    assert.ok(requests.some(({ client }) => client === 'ci'))
    for (const secret of [key, wrong, entry.hash, callersSecret]) {
      for (const text of [...texts, ...gateway.lines])
        assert.ok(!text.includes(secret.replace('hmac-sha256:', '')), text)
    }
  })

  it('that are wrong are limited for each address, and right ones are not', async (t) => {
    const { key, entry } = configuredKey('ci')
    const endpoint = await startScriptedEndpoint(t, ['m'], () => ({ body: answer }))
    const gateway = await startGateway(t, [{ url: endpoint.url }], {
      callers: { secret: callersSecret, keys: [entry], wrong_keys_per_minute: 1 },
    })
    const statuses: number[] = []
    for (let count = 0; count < 4; count++) {
      const response = await postChat(gateway.url, {}, { headers: bearer(createKey()) })
      statuses.push(response.status)
      if (response.status === 429) assert.ok(Number(response.headers.get('retry-after')) >= 1)
      await response.text()
    }
    assert.deepEqual(statuses, [401, 429, 429, 429])
    assert.equal((await postChat(gateway.url, {}, { headers: bearer(key) })).status, 200)
    assert.equal((await postChat(gateway.url)).status, 401, 'a missing key takes no try')
  })

  it('that are off cost nothing: no file, no route, no check', async (t) => {
    const endpoint = await startScriptedEndpoint(t, ['m'], () => ({ body: answer }))
    const gateway = await startGateway(t, [{ url: endpoint.url }])
    assert.equal((await postChat(gateway.url)).status, 200)
    assert.equal((await fetch(`${gateway.url}/internal/admin/keys`)).status, 404)
  })
})

describe('API keys in a store', () => {
  it('are created, changed, rotated and revoked at run time, on all threads at once', async (t) => {
    const endpoint = await startScriptedEndpoint(t, ['m'], () => ({ body: answer }))
    const gateway = await startGateway(t, [{ url: endpoint.url }], { callers: { store: await storeFile() } })
    const admin = adminOf(gateway.url)
    const use = async (key: string) => {
      // Each on a connection of its own, so that every thread is asked.
      const answers = await Promise.all(
        Array.from({ length: 8 }, () =>
          postChat(gateway.url, {}, { headers: { ...bearer(key), connection: 'close' } }),
        ),
      )
      await Promise.all(answers.map((each) => each.text()))
      return [...new Set(answers.map(({ status }) => status))]
    }
    const created = await admin('POST', '/keys', { name: 'ci', owner: 'ann', metadata: { ticket: 'A-1' } })
    assert.equal(created.status, 201)
    const first = String(created.body.key)
    const id = String(created.body.id)
    assert.deepEqual(await use(first), [200])
    assert.ok(!(await admin('GET', '/keys')).text.includes(first), 'it is shown once')

    const rotated = await admin('POST', `/keys/${id}/rotate`, { overlap_seconds: 60 })
    const second = String(rotated.body.key)
    assert.deepEqual([rotated.body.id, await use(first), await use(second)], [id, [200], [200]])
    const third = String((await admin('POST', `/keys/${id}/rotate`, { overlap_seconds: 0 })).body.key)
    assert.deepEqual([await use(second), await use(third)], [[401], [200]])

    assert.equal((await admin('PATCH', `/keys/${id}`, { enabled: false })).status, 200)
    assert.deepEqual(await use(third), [401])
    await admin('PATCH', '/keys/ci', { enabled: true, expires: '2020-01-01T00:00:00Z' })
    assert.deepEqual(await use(third), [401])
    await admin('PATCH', '/keys/ci', { expires: null })
    assert.deepEqual(await use(third), [200])
    assert.equal((await admin('DELETE', `/keys/${id}`)).status, 200)
    assert.deepEqual(await use(third), [401])
    assert.equal((await admin('GET', `/keys/${id}`)).status, 404)

    const { body } = await admin('GET', '/audit')
    const changes = body.changes as { action: string; fields: string[]; actor: string }[]
    assert.deepEqual(
      changes.map(({ action, fields }) => [action, fields]),
      [
        ['delete', []],
        ['update', ['expires']],
        ['update', ['enabled', 'expires']],
        ['update', ['enabled']],
        ['rotate', []],
        ['rotate', []],
        ['create', ['name', 'enabled', 'metadata', 'limits', 'owner', 'policy']],
      ],
    )
    assert.ok(changes.every(({ actor }) => actor === '127.0.0.1'))
  })

  it('survive a restart, and follow another gateway at the same store', async (t) => {
    const store = await storeFile()
    const endpoint = await startScriptedEndpoint(t, ['m'], () => ({ body: answer }))
    const callers = { store, refresh_interval: '50ms' }
    const first = await startGateway(t, [{ url: endpoint.url }], { callers })
    const second = await startGateway(t, [{ url: endpoint.url }], { callers })
    const admin = adminOf(first.url)
    const key = String((await admin('POST', '/keys', { name: 'ci' })).body.key)
    const statusAt = async ({ url }: { url: string }) => {
      const response = await postChat(url, {}, { headers: bearer(key) })
      await response.text()
      return response.status
    }
    await eventually(async () => (await statusAt(second)) === 200)
    await first.close()
    const again = await startGateway(t, [{ url: endpoint.url }], { callers })
    assert.equal(await statusAt(again), 200)
    await adminOf(again.url)('DELETE', '/keys/ci')
    await eventually(async () => (await statusAt(second)) === 401)
  })
})
