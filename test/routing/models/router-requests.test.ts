import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RequestNeeds } from '../../../src/routing/models/needs.ts'
import { fleet, type Listed, placesOf, someNeeds, tiersOf } from './routed-fleet.ts'

describe('a path', () => {
  const path = '/v1/rerank'

  it('leads to endpoints that have it first, and not to those that do not', () => {
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

  it('that has served is asked for again behind all others, and where no other has it', () => {
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

  it('that every endpoint of a model lacks is turned away, also where others have it', () => {
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

  it('is no matter where the gateway can translate the request', () => {
    const { route, paths, at } = fleet([['a']])
    paths.learn(at(0), '/v1/messages', false)
    assert.equal(route('a', { path: '/v1/messages', isTranslatable: true }).decision, 'routed')
    assert.equal(route('a', { path: '/v1/messages' }).decision, 'rejected')
  })

  it('moves on to a fallback model whose endpoint has it', () => {
    const { route, paths, at } = fleet([['a'], ['b']], { fallbackModels: { a: ['b'] } })
    paths.learn(at(0), path, false)
    assert.deepEqual(tiersOf(route('a', { path })), [['e1:b']])
  })
})

describe('a request with an image', () => {
  const sees = { name: 'asked', abilities: { vision: true } }
  const blind = { name: 'asked', abilities: { vision: false } }
  const untold = { name: 'asked' }
  const holds = (image: boolean): RequestNeeds => ({
    ...someNeeds,
    vision: true,
    media: () => ({ image, audio: false }),
  })
  const cases: readonly [string, readonly (readonly Listed[])[], Parameters<typeof fleet>[1], string[][]][] =
    [
      ['goes where a model is said to see', [[blind], [untold], [sees]], {}, [['e2:asked']]],
      [
        'goes where nothing is said rather than where a model does not see',
        [[blind], [untold]],
        {},
        [['e1:asked']],
      ],
      ['goes anywhere where nothing is said', [[untold], [untold]], {}, [['e0:asked', 'e1:asked']]],
      [
        'skips the target of an alias that does not see',
        [[{ ...blind, name: 'text' }], [{ ...sees, name: 'vl' }]],
        { aliases: { asked: { targets: ['text', 'vl'] } } },
        [['e1:vl']],
      ],
      [
        'skips to a fallback model that sees',
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

  it('is refused where every endpoint says that its model does not see, if it holds one for certain', () => {
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
