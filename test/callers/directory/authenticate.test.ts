import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { noPolicy } from '../../../src/callers/contract/defaults.ts'
import { authenticate, checkEntry } from '../../../src/callers/directory/authenticate.ts'
import { CallerDirectory } from '../../../src/callers/directory/directory.ts'
import { noChange } from '../../../src/callers/directory/directory-data.ts'
import type { KnownCaller } from '../../../src/callers/directory/known-caller.ts'
import { TrustedHeader } from '../../../src/callers/identity/trusted-header.ts'
import { ConnectionHashes } from '../../../src/callers/keys/connection-hashes.ts'
import { KeyHasher } from '../../../src/callers/keys/key-hasher.ts'
import { createKey } from '../../../src/callers/keys/key-text.ts'
import { defaultsOf } from '../../../src/config/options/sections.ts'
import { GatewayError } from '../../../src/kernel/errors.ts'

const nowMs = 1_800_000_000_000
const request = {
  headers: {},
  rawHeaders: [],
  connection: {},
  peer: '10.0.0.1',
  client: '10.0.0.1',
  named: undefined,
  nowMs,
  monotonicMs: 0,
}

/** Without tokens, the answer is there at once. */
function callerOf(...given: Parameters<typeof authenticate>): KnownCaller {
  const caller = authenticate(...given)
  assert.ok(!(caller instanceof Promise))
  return caller
}

function setUp() {
  const hasher = new KeyHasher('a secret of the server')
  const key = createKey()
  const directory = new CallerDirectory()
  const record = {
    id: 'key_1',
    name: 'ci',
    owner: undefined,
    team: undefined,
    enabled: true,
    expiresAtMs: nowMs + 1_000,
    policy: { ...noPolicy, dialects: ['openai' as const] },
    limits: undefined,
    hashes: [[hasher.hash(key), undefined]] as const,
  }
  directory.apply({ ...noChange, isWhole: true, keys: [record] })
  const state = { isCurrent: true, waitMs: 0, hashed: [] as string[], taken: [] as string[] }
  const services = {
    directory,
    hashes: new ConnectionHashes({
      hash(text: string) {
        state.hashed.push(text)
        return hasher.hash(text)
      },
    }),
    isCurrent: () => state.isCurrent,
    tries: {
      take(client: string) {
        state.taken.push(client)
        return state.waitMs
      },
    },
  }
  const ask = (presented: string | undefined, connection: object = {}, atMs = nowMs) => {
    const headers = presented === undefined ? {} : { authorization: `Bearer ${presented}` }
    try {
      return callerOf(services, { ...request, headers, connection, nowMs: atMs }).keyName
    } catch (error) {
      assert.ok(error instanceof GatewayError)
      return `${error.code}: ${error.message}`
    }
  }
  return { key, directory, state, ask, services, record }
}

describe('authentication', () => {
  it('finds the caller of a key', () => {
    const { key, ask, state } = setUp()
    assert.equal(ask(key), 'ci')
    assert.deepEqual(state.taken, [], 'a right key takes no try')
  })

  it('says what is wrong with a key, and never repeats it', () => {
    const { key, ask, directory, record } = setUp()
    assert.match(ask(undefined), /^invalid_api_key: An API key is required/)
    const wrong = createKey()
    assert.equal(ask(wrong), 'invalid_api_key: The API key is not valid.')
    assert.equal(ask(key, {}, nowMs + 1_000), 'invalid_api_key: The API key has expired.')
    directory.apply({ ...noChange, keys: [{ ...record, enabled: false }] })
    assert.equal(ask(key), 'invalid_api_key: The API key is disabled.')
  })

  it('does the same work for an unknown key as for a known one', () => {
    const { key, ask, state } = setUp()
    for (const each of [key, createKey(), 'ollama']) ask(each)
    assert.equal(state.hashed.length, 3)
  })

  it('hashes a key once for each connection, and looks it up each time', () => {
    const { key, ask, state, directory } = setUp()
    const connection = {}
    for (let count = 0; count < 3; count++) assert.equal(ask(key, connection), 'ci')
    assert.equal(state.hashed.length, 1)
    directory.apply({ ...noChange, deletedKeys: ['key_1'] })
    assert.match(ask(key, connection), /not valid/)
    assert.match(ask(createKey(), connection), /not valid/)
    assert.equal(state.hashed.length, 2)
  })

  it('takes a part of a key that is too long for no key', () => {
    const { key, ask, state } = setUp()
    assert.match(ask(key + 'x'.repeat(100_000)), /not valid/)
    assert.ok(state.hashed.every((text) => text.length <= 256))
  })

  it('limits wrong keys, before it says that one is wrong', () => {
    const { ask, state, key } = setUp()
    state.waitMs = 1_500
    assert.equal(ask(createKey()), 'rate_limited: Too many wrong API keys.')
    assert.equal(ask(key), 'ci')
    assert.deepEqual(state.taken, ['10.0.0.1'])
  })

  it('calls no unknown key wrong while the store is away', () => {
    const { ask, state, key } = setUp()
    state.isCurrent = false
    assert.match(ask(createKey()), /^callers_unavailable/)
    assert.equal(ask(key), 'ci')
  })

  it('refuses by the head what a policy does not allow', () => {
    const { directory, services, key } = setUp()
    const headers = { 'x-api-key': key }
    const caller = callerOf(services, { ...request, headers })
    const entry = { dialect: 'openai', path: '/v1/chat/completions', clientAddress: '' }
    checkEntry(caller, entry)
    assert.throws(() => checkEntry(caller, { ...entry, dialect: 'ollama' }), /may not use this API/)
    assert.equal(directory.size, 1)
  })

  it('goes by the key, then the header of a proxy, then the name by the host', () => {
    const { key, services } = setUp()
    const trustedHeader = new TrustedHeader({
      ...defaultsOf('callers').trustedHeader,
      networks: ['10.0.0.0/8'],
    })
    const named = (headers: Record<string, string>, peer: string, name?: string) => {
      const rawHeaders = Object.entries(headers).flat()
      try {
        const all = { ...services, trustedHeader }
        return callerOf(all, { ...request, headers, rawHeaders, peer, named: name }).keyId
      } catch (error) {
        return error instanceof GatewayError ? error.code : String(error)
      }
    }
    const user = { 'x-forwarded-user': 'ann' }
    const bearer = (text: string) => ({ authorization: `Bearer ${text}` })
    assert.equal(named({ ...user, ...bearer(key) }, '10.0.0.1', 'bob'), 'key_1')
    assert.equal(named(user, '10.0.0.1', 'bob'), 'user:ann')
    assert.equal(named(user, '192.0.2.1', 'bob'), 'caller:bob')
    assert.equal(named(user, '192.0.2.1'), 'invalid_api_key')
    // A placeholder proves nothing, and stands in the way of nothing; what looks like a key must be one.
    assert.equal(named({ ...user, ...bearer('ollama') }, '10.0.0.1'), 'user:ann')
    assert.equal(named(bearer('ollama'), '192.0.2.1', 'bob'), 'caller:bob')
    assert.equal(named({ ...user, ...bearer(createKey()) }, '10.0.0.1', 'bob'), 'invalid_api_key')
  })
})
