import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { StoredResponses, storedResponseCells } from '../../../src/proxy/request/stored-responses.ts'
import { outcomeOf } from '../../../src/routing/models/outcome.ts'
import { SharedState } from '../../../src/runtime/cells/shared-state.ts'
import { endpoint } from '../../observe/stats/fixtures.ts'
import { routed } from '../../support/exchange.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const body = (value: unknown) => Buffer.from(JSON.stringify(value))
const candidates = [0, 1].map((slot) => routed(endpoint({ slot, name: `e${slot}` })))
const outcome = outcomeOf({
  tiers: [{ candidates, spillsWhenFull: true }],
  strategy: 'strict',
  decision: 'routed',
  reason: 'model_found',
  status: 200,
  knowledge: 'found',
})

describe('stored responses', () => {
  const cases: readonly (readonly [string, string, Buffer | undefined, number | undefined])[] = [
    ['a continuation', '/v1/responses', body({ model: 'm', previous_response_id: 'resp_1' }), 1],
    ['retrieval', '/v1/responses/resp_1', undefined, 1],
    ['cancellation', '/v1/responses/resp_1/cancel', body({}), 1],
    ['its input items', '/v1/responses/resp_1/input_items', undefined, 1],
    ['a response in a conversation', '/v1/responses', body({ conversation: 'conv_1', input: 'x' }), 1],
    ['one in a conversation object', '/v1/responses', body({ conversation: { id: 'conv_1' } }), 1],
    ['one in a nameless conversation', '/v1/responses', body({ conversation: {} }), undefined],
    ['a conversation', '/v1/conversations/conv_1', undefined, 1],
    ['its items', '/v1/conversations/conv_1/items', body({ items: [] }), 1],
    ['a new conversation', '/v1/conversations', body({}), undefined],
    ['an unknown response', '/v1/responses/resp_2', undefined, undefined],
    ['a first request', '/v1/responses', body({ model: 'm', input: 'x' }), undefined],
    ['a null continuation', '/v1/responses', body({ previous_response_id: null }), undefined],
    [
      'the key inside the input',
      '/v1/responses',
      body({ input: { previous_response_id: 'resp_1' } }),
      undefined,
    ],
    ['another API', '/v1/chat/completions', body({ previous_response_id: 'resp_1' }), undefined],
    ['invalid JSON', '/v1/responses', Buffer.from('"previous_response_id": "resp_1"'), undefined],
  ]
  const stored = new StoredResponses(new FakeClock(), new SharedState().of(storedResponseCells))
  stored.learn('resp_1', 1)
  stored.learn('conv_1', 1)
  for (const [name, path, bytes, slot] of cases) {
    it(`are routed to ${slot === undefined ? 'any endpoint' : 'the endpoint that stores them'}: ${name}`, () => {
      assert.equal(stored.ownerOf(path, bytes), slot)
      const placed = stored.placed(outcome, path, bytes)
      assert.deepEqual(
        placed.tiers.map((tier) => tier.candidates.map((each) => each.endpoint.slot)),
        slot === undefined ? [[0, 1]] : [[slot]],
      )
    })
  }

  it('are routed to any candidate if their endpoint is not a candidate', () => {
    const [first] = candidates
    assert.ok(first)
    const other = outcomeOf({ ...outcome, tiers: [{ candidates: [first], spillsWhenFull: false }] })
    assert.equal(stored.placed(other, '/v1/responses/resp_1', undefined), other)
  })

  it('belong to the caller who made them', () => {
    const own = new StoredResponses(new FakeClock(), new SharedState().of(storedResponseCells))
    own.learn('resp_a', 1, 'ann')
    own.learn('resp_0', 1)
    const uses: readonly (readonly [string, Buffer | undefined])[] = [
      ['/v1/responses/resp_a', undefined],
      ['/v1/responses', body({ previous_response_id: 'resp_a' })],
      ['/v1/responses', body({ conversation: 'resp_a' })],
    ]
    for (const [path, bytes] of uses) {
      assert.equal(own.ownerOf(path, bytes, 'ann'), 1)
      for (const caller of ['bob', undefined])
        assert.throws(() => own.ownerOf(path, bytes, caller), /resp_a' not found/)
    }
    assert.equal(own.ownerOf('/v1/responses/resp_0', undefined), 1)
    assert.throws(() => own.ownerOf('/v1/responses/resp_0', undefined, 'ann'), { code: 'not_found' })
    assert.equal(own.ownerOf('/v1/responses/resp_unknown', undefined, 'ann'), undefined)
  })
})
