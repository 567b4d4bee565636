import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { bearer, callersSecret, configuredKey } from '../support/callers.ts'
import { chatBody, postChat, startGateway } from '../support/gateway.ts'
import { startScriptedEndpoint } from '../support/scripted-endpoint.ts'

const answer = {
  id: 'x',
  choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }],
}

async function start(t: TestContext, header: Record<string, unknown>, more: Record<string, unknown> = {}) {
  const endpoint = await startScriptedEndpoint(t, ['llama', 'other'], () => ({ body: answer }))
  const gateway = await startGateway(t, [{ url: endpoint.url }], {
    callers: { trusted_header: { networks: ['127.0.0.0/8'], ...header }, ...more },
  })
  const ask = async (headers: Record<string, string>, model = 'llama') => {
    const given = { 'content-type': 'application/json', ...headers }
    const response = await postChat(gateway.url, { model }, { headers: given })
    await response.text()
    return response.status
  }
  return { endpoint, gateway, ask }
}

describe('the header of a trusted proxy', () => {
  it('names callers, with the policy of the team among their groups, and stays here', async (t) => {
    const { endpoint, gateway, ask } = await start(
      t,
      { groups: 'X-Forwarded-Groups', require_team: true },
      { teams: [{ name: 'ml', policy: { models: { include: ['llama'] } } }] },
    )
    const ann = { 'x-forwarded-user': 'ann', 'x-forwarded-groups': 'staff, ml' }
    assert.equal(await ask(ann), 200)
    assert.equal(await ask({ ...ann, authorization: 'Bearer placeholder' }), 200)
    assert.equal(await ask(ann, 'other'), 403)
    assert.equal(await ask({ 'x-forwarded-user': 'bob', 'x-forwarded-groups': 'staff' }), 403, 'no team')
    assert.equal(await ask({}), 401)
    assert.equal(await ask({ 'x-forwarded-user': ' ' }), 401)
    assert.equal(await ask({ 'x-forwarded-user': 'a'.repeat(129) }), 401)
    assert.equal(endpoint.calls.length, 2)
    for (const { headers } of endpoint.calls) {
      assert.equal(headers['x-forwarded-user'], undefined)
      assert.equal(headers['x-forwarded-groups'], undefined)
    }
    const { requests } = (await (await fetch(`${gateway.url}/internal/requests`)).json()) as {
      requests: { client: string; key_id: string }[]
    }
    assert.ok(requests.some(({ client, key_id }) => client === 'ann' && key_id === 'user:ann'))
  })

  it('counts for nothing from other networks, and reaches no endpoint from there', async (t) => {
    const { key, entry } = configuredKey('ci')
    const { endpoint, ask } = await start(
      t,
      { networks: ['10.9.0.0/16'], user: 'X-Company-User', forward: true },
      { secret: callersSecret, keys: [entry] },
    )
    const spoofed = { 'x-company-user': 'root', x_company_user: 'root', 'x-forwarded-for': '10.9.0.1' }
    assert.equal(await ask(spoofed), 401)
    assert.equal(await ask({ ...spoofed, ...bearer(key) }), 200)
    assert.equal(endpoint.calls.length, 1)
    assert.ok(!JSON.stringify(endpoint.calls[0]?.headers).includes('root'))
  })

  it('is sent to endpoints where that is configured, but for its other spellings', async (t) => {
    const { endpoint, ask } = await start(t, { forward: true })
    assert.equal(await ask({ 'x-forwarded-user': 'ann', x_forwarded_user: 'root' }), 200)
    const [call] = endpoint.calls
    assert.equal(call?.headers['x-forwarded-user'], 'ann')
    assert.ok(!JSON.stringify(call?.headers).includes('root'))
  })

  it('that is repeated is refused: a proxy may have added its own to the client’s', async (t) => {
    const { gateway, endpoint } = await start(t, {})
    const socket = connect(gateway.port, '127.0.0.1')
    const body = chatBody()
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-Forwarded-User: root\r\nX-Forwarded-User: ann\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    )
    const [chunk] = (await once(socket, 'data')) as [Buffer]
    socket.destroy()
    assert.match(chunk.toString(), /^HTTP\/1\.1 401 /)
    assert.equal(endpoint.calls.length, 0)
  })

  it('yields to a key, and does not make up for a wrong one', async (t) => {
    const { key, entry } = configuredKey('ci')
    const { gateway, ask } = await start(
      t,
      {},
      { secret: callersSecret, keys: [{ ...entry, owner: 'team' }] },
    )
    const user = { 'x-forwarded-user': 'ann' }
    assert.equal(await ask({ ...user, ...bearer(key) }), 200)
    assert.equal(await ask({ ...user, ...bearer(`sk-${'x'.repeat(43)}`) }), 401)
    const shown = await (await fetch(`${gateway.url}/internal/requests`)).text()
    assert.ok(shown.includes('"key_id":"config:ci"'))
  })
})
