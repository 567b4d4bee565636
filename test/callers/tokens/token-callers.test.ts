import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CallerDirectory } from '../../../src/callers/directory/directory.ts'
import { noChange } from '../../../src/callers/directory/directory-data.ts'
import { TokenCallers } from '../../../src/callers/tokens/token-callers.ts'
import type { Verdict } from '../../../src/callers/tokens/token-verifier.ts'
import { issuerOptions } from '../../../src/config/options/issuers.ts'
import { sectionOptions } from '../../../src/config/options/sections.ts'

const nowMs = 1_800_000_000_000

function setUp(refetched?: () => void) {
  const { jwt } = sectionOptions('callers', {
    jwt: { issuer: 'https://a.example', max_cached_tokens: 10, clock_tolerance: '0' },
  })
  const [issuer = assert.fail()] = issuerOptions(jwt)
  const directory = new CallerDirectory()
  const state = { verified: [] as string[], refetches: 0, hasKeys: false }
  const verifier = {
    get hasKeys() {
      return state.hasKeys
    },
    setKeys(keys: unknown) {
      state.hasKeys = keys !== undefined
    },
    async verify(token: string): Promise<Verdict> {
      state.verified.push(token)
      if (!state.hasKeys) return { claims: undefined, refusal: 'unknown_key' }
      return { claims: { sub: token, exp: nowMs / 1000 + 60 }, refusal: undefined }
    },
  }
  const refetch = async () => {
    state.refetches++
    refetched?.()
  }
  const tokens = new TokenCallers({ directory, verifier, refetch }, issuer)
  const keys = (kid: string) => tokens.setState({ keys: [{ kty: 'OKP', kid }], isCurrent: true })
  return { tokens, directory, state, keys }
}

describe('callers by their tokens', () => {
  it('are verified once, also if many requests come at once, and until the token expires', async () => {
    const { tokens, state, keys } = setUp()
    keys('a')
    const found = await Promise.all(Array.from({ length: 100 }, () => tokens.find('t', {}, nowMs)))
    assert.equal(new Set(found.map(({ caller }) => caller)).size, 1)
    const connection = {}
    for (const atMs of [nowMs, nowMs + 59_999]) {
      for (const from of [connection, connection, {}])
        assert.ok(!(tokens.find('t', from, atMs) instanceof Promise), 'known without waiting')
    }
    assert.deepEqual(state.verified, ['t'])
    for (const from of [connection, {}]) assert.ok(tokens.find('t', from, nowMs + 60_000) instanceof Promise)
  })

  it('are remembered in a bounded number', async () => {
    const { tokens, keys } = setUp()
    keys('a')
    for (let count = 0; count < 100; count++) await tokens.find(`t${count}`, {}, nowMs)
    assert.equal(tokens.size, 10)
  })

  it('are verified again once the keys change, not if only the state does', async () => {
    const { tokens, state, keys } = setUp()
    keys('a')
    const connection = {}
    await tokens.find('t', connection, nowMs)
    await tokens.find('t', connection, nowMs)
    tokens.setState({ keys: [{ kty: 'OKP', kid: 'a' }], isCurrent: false })
    assert.ok(!(tokens.find('t', connection, nowMs) instanceof Promise))
    keys('b')
    await tokens.find('t', connection, nowMs)
    assert.equal(state.verified.length, 2)
  })

  it('with an unknown key make the keys be fetched, and are unavailable without them', async () => {
    const away = setUp()
    assert.equal((await away.tokens.find('t', {}, nowMs)).refusal, 'unavailable')
    const back = setUp(() => back.keys('a'))
    assert.equal((await back.tokens.find('t', {}, nowMs)).refusal, undefined)
    assert.deepEqual([away.state.refetches, back.state.refetches, back.state.verified.length], [1, 1, 2])
  })

  it('follow their owner, whose change needs no verification', async () => {
    const { tokens, directory, state, keys } = setUp()
    keys('a')
    await tokens.find('t', {}, nowMs)
    directory.apply({ ...noChange, owners: [{ name: 't', enabled: false, limits: undefined }] })
    assert.equal((await tokens.find('t', {}, nowMs)).refusal, 'disabled')
    assert.equal(state.verified.length, 1)
  })
})
