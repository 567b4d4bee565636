import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type KeySource, keySources } from '../../../src/config/schema/key-sources.ts'
import { SessionKeys, type SessionRequest } from '../../../src/routing/affinity/key-sources.ts'

const known = () => true

function read(sources: readonly KeySource[], request: Partial<SessionRequest> & { json?: unknown }) {
  const { json, ...rest } = request
  return new SessionKeys({ sources, blockBytes: 512 }).read(
    {
      rawHeaders: [],
      path: '/v1/chat/completions',
      body: json === undefined ? undefined : Buffer.from(JSON.stringify(json)),
      model: 'llama3',
      clientAddress: '10.0.0.1',
      ...rest,
    },
    known,
  )
}

/** A request that has something for every source. */
const rich = {
  rawHeaders: ['x-olla-session-id', 's1', 'Authorization', 'Bearer secret'],
  json: {
    messages: [{ role: 'user', content: 'hello' }],
    user: 'u1',
    prompt_cache_key: 'p1',
    previous_response_id: 'resp_1',
    metadata: { user_id: 'm1' },
  },
}

describe('session keys', () => {
  it('come from the first available source in the configured order', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...keySources], { minLength: 1 }), (sources) => {
        assert.equal(read(sources, rich)?.source, sources[0])
      }),
    )
    assert.equal(read(['user', 'prompt_cache_key', 'ip'], { json: { user: '' } })?.source, 'ip')
    assert.equal(read(['session_header', 'prefix_hash', 'auth_header'], {}), undefined)
  })

  it('are equal for the same value and model only', () => {
    const requests: [KeySource, (value: string) => Parameters<typeof read>[1]][] = [
      ['session_header', (value) => ({ rawHeaders: ['X-Olla-Session-ID', value] })],
      ['auth_header', (value) => ({ rawHeaders: ['authorization', value] })],
      ['auth_header', (value) => ({ rawHeaders: ['X-Api-Key', value] })],
      ['ip', (value) => ({ clientAddress: value })],
      ['user', (value) => ({ json: { user: value } })],
      ['prompt_cache_key', (value) => ({ json: { prompt_cache_key: value } })],
      ['metadata_user_id', (value) => ({ json: { metadata: { other: 1, user_id: value } } })],
      ['previous_response_id', (value) => ({ json: { previous_response_id: value } })],
      ['prefix_hash', (value) => ({ json: { messages: [{ role: 'user', content: value }] } })],
    ]
    for (const [source, make] of requests) {
      const one = read([source], make('one'))?.key
      assert.ok(one !== undefined, source)
      assert.equal(read([source], make('one'))?.key, one, source)
      assert.notEqual(read([source], make('two'))?.key, one, source)
      assert.equal(read([source], { ...make('one'), model: 'LLAMA3' })?.key, one, 'case does not count')
      const otherModel = read([source], { ...make('one'), model: 'other' })?.key
      if (source === 'previous_response_id') assert.equal(otherModel, one, 'a response knows its model')
      else assert.notEqual(otherModel, one, source)
    }
  })

  it('from different sources never collide', () => {
    const keys = keySources.flatMap((source) => {
      const key = read([source], {
        rawHeaders: ['x-olla-session-id', 'same', 'authorization', 'same'],
        clientAddress: 'same',
        json: {
          user: 'same',
          prompt_cache_key: 'same',
          previous_response_id: 'same',
          metadata: { user_id: 'same' },
        },
      })
      return key === undefined ? [] : [key.key]
    })
    assert.equal(keys.length, 7)
    assert.equal(new Set(keys).size, 7)
  })

  it('include the session ID of the header, for the answer', () => {
    assert.equal(read(['session_header'], { rawHeaders: ['X-OLLA-SESSION-ID', ' s1 '] })?.sessionId, 's1')
    assert.equal(read(['session_header'], { rawHeaders: ['X-Olla-Session-ID', '  '] }), undefined)
    assert.equal(read(['user'], rich)?.sessionId, undefined)
  })

  it('prefer Authorization to x-api-key', () => {
    const both = read(['auth_header'], { rawHeaders: ['x-api-key', 'k', 'authorization', 'a'] })
    assert.equal(both?.key, read(['auth_header'], { rawHeaders: ['Authorization', 'a'] })?.key)
  })

  it('of a response are skipped if the response is unknown', () => {
    const keys = new SessionKeys({ sources: ['previous_response_id', 'user'], blockBytes: 512 })
    const request = {
      rawHeaders: [],
      path: '/v1/responses',
      body: Buffer.from('{"previous_response_id":"resp_1","user":"u"}'),
      model: 'm',
      clientAddress: '',
    }
    const response = keys.responseKey(Buffer.from('resp_1'))
    assert.equal(keys.read(request, () => false)?.source, 'user')
    assert.equal(keys.read(request, (key) => key === response)?.key, response)
    const fetched = {
      ...request,
      body: undefined,
      path: '/v1/responses/resp_1/input_items',
      model: undefined,
    }
    assert.equal(keys.read(fetched, (key) => key === response)?.key, response)
  })

  it('treat a Responses API input as a conversation, and an embedding input as none', () => {
    const json = { input: [{ role: 'user', content: 'hello' }] }
    assert.equal(read(['prefix_hash'], { json, path: '/v1/responses' })?.chain?.keys.length, 2)
    assert.equal(
      read(['prefix_hash'], { json: { input: 'hello' }, path: '/v1/responses' })?.chain?.keys.length,
      2,
    )
    assert.equal(read(['prefix_hash'], { json: { input: 'hello' }, path: '/v1/embeddings' }), undefined)
  })

  it('are not read from other values than strings, or from invalid JSON', () => {
    for (const json of [{ user: 7 }, { user: null }, { metadata: 'x' }, { metadata: { user_id: 7 } }, []]) {
      assert.equal(read(['user', 'metadata_user_id', 'prefix_hash'], { json }), undefined)
    }
    assert.equal(read(['user'], { body: Buffer.from('user=u1') }), undefined)
  })
})
