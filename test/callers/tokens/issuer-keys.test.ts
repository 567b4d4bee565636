import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { IssuerKeys, type IssuerState } from '../../../src/callers/tokens/issuer-keys.ts'
import type { FetchRequest } from '../../../src/endpoints/connections/fetch.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const issuer = 'https://login.example.com/realm'
const key = (kid: string) => ({ kty: 'OKP', crv: 'Ed25519', x: 'abc', kid })

function setUp(overrides: Partial<ConstructorParameters<typeof IssuerKeys>[1]> = {}) {
  const clock = new FakeClock()
  const served = {
    keys: [key('a')] as unknown,
    isAway: false,
    jwksUri: `${issuer}/keys`,
    requests: [] as string[],
  }
  const states: [IssuerState, string | undefined][] = []
  const fetch = async ({ url, maxBytes, timeoutMs }: FetchRequest) => {
    served.requests.push(url)
    assert.deepEqual([maxBytes, timeoutMs], [1_048_576, 5_000])
    if (served.isAway) throw new Error('connection refused')
    const document = url.includes('well-known') ? { issuer, jwks_uri: served.jwksUri } : { keys: served.keys }
    return {
      statusCode: 200,
      header: () => undefined,
      body: Buffer.from(JSON.stringify(document)),
      durationMs: 0,
    }
  }
  const keys = new IssuerKeys(
    { clock, fetch, onState: (state, reason) => states.push([state, reason]) },
    {
      issuer,
      refreshIntervalMs: 600_000,
      refetchIntervalMs: 10_000,
      staleLimitMs: 3_600_000,
      fetchTimeoutMs: 5_000,
      ...overrides,
    },
  )
  const kids = () => keys.state.keys?.map(({ kid }) => kid)
  const pass = async (ms: number) => {
    await clock.advance(ms)
    await new Promise(setImmediate)
  }
  return { keys, served, states, kids, pass }
}

describe('the keys of an issuer', () => {
  it('are discovered once, and fetched again at intervals', async () => {
    const { keys, served, kids, pass, states } = setUp()
    await keys.start()
    assert.deepEqual(served.requests, [`${issuer}/.well-known/openid-configuration`, `${issuer}/keys`])
    served.keys = [key('a'), key('b')]
    await pass(600_000)
    assert.deepEqual([kids(), served.requests.length, states.length], [['a', 'b'], 3, 2])
    await pass(600_000)
    assert.deepEqual([served.requests.length, states.length], [4, 2], 'nothing new')
    keys.stop()
    await pass(6_000_000)
    assert.equal(served.requests.length, 4)
  })

  it('are fetched on demand at a bounded pace, and once for many', async () => {
    const { keys, served, pass } = setUp({ jwksUrl: 'https://keys.example.com/' })
    await keys.start()
    for (let count = 0; count < 100; count++) await keys.refetch()
    assert.equal(served.requests.length, 1)
    await pass(10_000)
    await Promise.all(Array.from({ length: 100 }, () => keys.refetch()))
    assert.equal(served.requests.length, 2)
  })

  it('are kept in an outage until they are stale, with retries that become rare', async () => {
    const { keys, served, kids, pass, states } = setUp()
    await keys.start()
    served.isAway = true
    await pass(600_000)
    assert.deepEqual([kids(), keys.state.isCurrent, states.at(-1)?.[1]], [['a'], false, 'connection refused'])
    const before = served.requests.length
    for (let second = 0; second < 2_900; second++) await pass(1_000)
    assert.deepEqual(kids(), ['a'])
    const retries = served.requests.length - before
    assert.ok(retries > 20 && retries < 80, String(retries))
    for (let second = 0; second < 200; second++) await pass(1_000)
    assert.equal(kids(), undefined)
    served.isAway = false
    for (let second = 0; second < 61; second++) await pass(1_000)
    assert.deepEqual([kids(), keys.state.isCurrent], [['a'], true])
  })

  it('are none if the documents are not what they should be', async () => {
    const jwk = { kty: 'oct', k: 'c2VjcmV0', kid: 'x' }
    for (const [change, reason] of [
      [{ keys: [jwk] }, /no key for signatures/],
      [{ keys: [{ ...key('a'), use: 'enc' }] }, /no key for signatures/],
      [{ keys: 'none' }, /no list of keys/],
      [{ jwksUri: 'http://127.0.0.1/keys' }, /no https URL/],
      [{ jwksUri: 'http://login.example.com/keys' }, /no https URL/],
      [{ jwksUri: 'file:///etc/passwd' }, /no https URL/],
    ] as const) {
      const { keys, served, states } = setUp()
      Object.assign(served, change)
      await keys.start()
      assert.equal(keys.state.keys, undefined)
      assert.match(String(states.at(-1)?.[1]), reason)
      keys.stop()
    }
  })

  it('lose everything that is not public', async () => {
    const { keys, served } = setUp()
    served.keys = [{ ...key('a'), d: 'private', extra: 'x' }]
    await keys.start()
    assert.deepEqual(keys.state.keys, [key('a')])
  })
})
