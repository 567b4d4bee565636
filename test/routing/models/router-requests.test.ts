import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RequestNeeds } from '../../../src/routing/models/needs.ts'
import { fleet, type Listed, placesOf, someNeeds, tiersOf } from './routed-fleet.ts'

describe('path routing', () => {
  const path = '/v1/rerank'

  it('prefers endpoints that have the path to those that lack it', () => {
    const { route, paths, at } = fleet([['a'], ['a'], ['a'], ['a']])
    assert.deepEqual(tiersOf(route('a', { path })), [['e0:a', 'e1:a', 'e2:a', 'e3:a']])
    paths.learn(at(1), path, true)
    paths.learn(at(2), path, false)
    const outcome = route('a', { path })
    assert.deepEqual(tiersOf(outcome), [['e1:a'], ['e0:a', 'e3:a']])
    assert.equal(outcome.learnsPath, true)
    assert.equal(outcome.tiers[0]?.spillsWhenFull, true)
    assert.deepEqual(tiersOf(route('a')), [['e0:a', 'e1:a', 'e2:a', 'e3:a']])
    assert.equal(route('a').learnsPath, undefined)
  })

  it('retries an endpoint that once served the path after all others, and if no other has it', () => {
    const { route, paths, at } = fleet([['a'], ['a'], ['b']])
    for (const slot of [0, 2]) {
      paths.learn(at(slot), path, true)
      paths.learn(at(slot), path, false)
    }
    assert.deepEqual(tiersOf(route('a', { path })), [['e1:a'], ['e0:a']])
    const alone = route('b', { path })
    assert.deepEqual(tiersOf(alone), [['e2:b']])
    assert.equal(alone.learnsPath, true)
  })

  it('rejects a path that every endpoint of the model lacks, even if others have it', () => {
    const { route, paths, at } = fleet([['a'], ['b']])
    paths.learn(at(0), path, false)
    paths.learn(at(1), path, true)
    const { decision, status, reason, lackPath } = route('a', { path })
    assert.deepEqual([decision, status, reason], ['rejected', 404, 'path_not_served'])
    assert.deepEqual(
      lackPath?.map(({ name }) => name),
      ['e0'],
    )
    assert.equal(route('b', { path }).decision, 'routed')
  })

  it('does not apply if the gateway can translate the request', () => {
    const { route, paths, at } = fleet([['a']])
    paths.learn(at(0), '/v1/messages', false)
    assert.equal(route('a', { path: '/v1/messages', isTranslatable: true }).decision, 'routed')
    assert.equal(route('a', { path: '/v1/messages' }).decision, 'rejected')
  })

  it('translates only what can be translated, although a path below it has the same API path', () => {
    const { route, paths, at } = fleet([['a']])
    paths.learn(at(0), '/v1/responses', false)
    const translates = () => true
    const outcome = route('a', { path: '/v1/responses', translates })
    assert.deepEqual([tiersOf(outcome), outcome.translates], [[['e0:a']], true])
    assert.equal(route('a', { path: '/v1/responses/resp_1/cancel' }).decision, 'rejected')
    assert.equal(route('a', { path: '/v1/responses', translates }).decision, 'routed')
  })

  it('falls back to a model whose endpoint has the path', () => {
    const { route, paths, at } = fleet([['a'], ['b']], { fallbackModels: { a: ['b'] } })
    paths.learn(at(0), path, false)
    assert.deepEqual(tiersOf(route('a', { path })), [['e1:b']])
  })
})

describe('a request with an image', () => {
  const sees = { name: 'asked', abilities: { vision: true } }
  const blind = { name: 'asked', abilities: { vision: false } }
  const unspecified = { name: 'asked' }
  const holds = (image: boolean): RequestNeeds => ({
    ...someNeeds,
    vision: true,
    media: () => ({ image, audio: false }),
  })
  const cases: readonly [string, readonly (readonly Listed[])[], Parameters<typeof fleet>[1], string[][]][] =
    [
      ['goes to an endpoint that reports vision', [[blind], [unspecified], [sees]], {}, [['e2:asked']]],
      [
        'prefers an endpoint that reports nothing to one that reports no vision',
        [[blind], [unspecified]],
        {},
        [['e1:asked']],
      ],
      [
        'goes to any endpoint if none reports anything',
        [[unspecified], [unspecified]],
        {},
        [['e0:asked', 'e1:asked']],
      ],
      [
        'skips an alias target without vision',
        [[{ ...blind, name: 'text' }], [{ ...sees, name: 'vl' }]],
        { aliases: { asked: { targets: ['text', 'vl'] } } },
        [['e1:vl']],
      ],
      [
        'skips to a fallback model with vision',
        [[blind], [{ ...sees, name: 'vl' }]],
        { fallbackModels: { asked: ['vl'] } },
        [['e1:vl']],
      ],
    ]
  for (const [name, lists, options, tiers] of cases) {
    it(name, () =>
      assert.deepEqual(tiersOf(fleet(lists, options).route('asked', { needs: () => holds(true) })), tiers),
    )
  }

  it('is rejected if every endpoint reports that its model is text-only and the image is certain', () => {
    const { route } = fleet([[blind], [blind]])
    const refused = route('asked', { needs: () => holds(true) })
    assert.deepEqual(
      [refused.status, refused.decision, refused.reason],
      [400, 'rejected', 'model_reads_no_images'],
    )
    assert.deepEqual(placesOf(route('asked', { needs: () => holds(false) })), ['e0', 'e1'])
    assert.deepEqual(placesOf(route('asked', { needs: () => someNeeds })), ['e0', 'e1'])
  })
})
