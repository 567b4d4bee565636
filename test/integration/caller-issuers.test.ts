import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { bearer } from '../support/callers.ts'
import { postChat, startGateway } from '../support/gateway.ts'
import { type OidcServer, startOidcServer } from '../support/oidc-server.ts'
import { startScriptedEndpoint } from '../support/scripted-endpoint.ts'
import { eventually } from '../support/simulator.ts'

const answer = { id: 'x', choices: [] }

describe('tokens of several issuers', () => {
  it('are verified by their own issuer, with its own rules', async (t) => {
    const [one, two, stranger] = [
      await startOidcServer(t),
      await startOidcServer(t),
      await startOidcServer(t),
    ]
    const endpoint = await startScriptedEndpoint(t, ['m'], () => ({ body: answer }))
    const issuer = (oidc: OidcServer, rest: Record<string, unknown> = {}) => ({
      issuer: oidc.issuer,
      audience: [oidc.audience],
      refetch_interval: '50ms',
      ...rest,
    })
    const gateway = await startGateway(t, [{ url: endpoint.url }], {
      callers: {
        jwt: [
          issuer(one, { claims: { team: 'groups' } }),
          issuer(two, {
            name: 'partner',
            default_team: 'guests',
            algorithms: ['RS256'],
            clock_tolerance: '0',
          }),
        ],
        teams: [{ name: 'guests', limits: { requests_per_minute: 2 } }, { name: 'ml' }],
      },
    })
    const ask = async (token: string) => {
      const response = await postChat(gateway.url, {}, { headers: { ...bearer(token), connection: 'close' } })
      const text = await response.text()
      return response.status === 200 ? 200 : `${response.status} ${text}`
    }
    await two.rotate({ algorithm: 'RS256' })
    assert.equal(await ask(await one.sign({ sub: 'ann' })), 200)
    assert.equal(await ask(await two.sign({ sub: 'ann' })), 200)
    // The key of one issuer proves nothing about the other.
    assert.match(String(await ask(await one.sign({ iss: two.issuer }))), /^401 .*(?:unknown key|algorithm)/)
    assert.match(String(await ask(await two.sign({ iss: one.issuer }))), /^401 /)
    assert.match(String(await ask(await stranger.sign())), /^401 .*unknown issuer/)
    await two.rotate({ algorithm: 'ES256' })
    assert.match(String(await ask(await two.sign())), /^401 .*algorithm/)
    await two.rotate({ algorithm: 'RS256' })
    const now = Math.floor(Date.now() / 1000)
    assert.equal(await ask(await one.sign({ exp: now - 5 })), 200, 'within the tolerance')
    assert.match(String(await ask(await two.sign({ exp: now - 5 }))), /^401 .*expired/)
    // Both have an "ann", who are not the same.
    const shown = async () => (await fetch(`${gateway.url}/internal/requests`)).text()
    await eventually(async () => (await shown()).includes('"key_id":"jwt:partner:ann"'))
    assert.ok((await shown()).includes('"key_id":"jwt:ann"'))
    // The team of the second issuer limits its callers only.
    assert.equal(await ask(await two.sign({ sub: 'bob' })), 200)
    assert.match(String(await ask(await two.sign({ sub: 'eve' }))), /^429 /)
    assert.equal(await ask(await one.sign({ sub: 'ann' })), 200)
    // One that is away says nothing about the other.
    two.mode = 'away'
    assert.match(String(await ask(await two.sign({}, { kid: 'new' }))), /^(?:401|503) /)
    assert.equal(await ask(await one.sign()), 200)
  })
})
