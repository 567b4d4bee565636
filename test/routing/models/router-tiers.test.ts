import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fleet, type Listed, placesOf, tiersOf } from './routed-fleet.ts'

describe('tiers', () => {
  const cases: readonly {
    name: string
    lists: readonly (readonly Listed[])[]
    options: Parameters<typeof fleet>[1]
    tiers: readonly (readonly string[])[]
  }[] = [
    {
      name: 'an ordered alias has one for each target, in their order',
      lists: [['kimi'], ['glm'], ['glm', 'kimi']],
      options: { aliases: { asked: { targets: ['glm', 'kimi', 'unlisted'] } } },
      tiers: [
        ['e1:glm', 'e2:glm'],
        ['e0:kimi', 'e2:kimi'],
      ],
    },
    {
      name: 'a pooled alias has one, and one more for the second model of an endpoint',
      lists: [['kimi'], ['glm'], ['glm', 'kimi']],
      options: { aliases: { asked: ['glm', 'kimi'] } },
      tiers: [['e1:glm', 'e2:glm', 'e0:kimi'], ['e2:kimi']],
    },
    {
      name: 'a weighted alias begins with the target whose turn it is',
      lists: [['kimi'], ['glm']],
      options: {
        aliases: {
          asked: {
            targets: [
              { model: 'glm', weight: 1 },
              { model: 'kimi', weight: 9 },
            ],
          },
        },
      },
      tiers: [['e0:kimi'], ['e1:glm']],
    },
    {
      name: 'fallback models stand behind the model itself',
      lists: [['kimi'], ['asked'], ['glm']],
      options: { fallbackModels: { asked: ['glm', 'kimi'] } },
      tiers: [['e1:asked'], ['e2:glm'], ['e0:kimi']],
    },
    {
      name: 'fallback models stand behind an alias as well',
      lists: [['kimi'], ['glm']],
      options: { aliases: { asked: { targets: ['glm'] } }, fallbackModels: { asked: ['kimi'] } },
      tiers: [['e1:glm'], ['e0:kimi']],
    },
    {
      name: 'an optimistic fallback to all stands behind those that have the model',
      lists: [['kimi'], ['asked']],
      options: { strategy: 'optimistic', fallback: 'all' },
      tiers: [['e1:asked'], ['e0:undefined']],
    },
    {
      name: 'a fallback model comes before an optimistic fallback to all',
      lists: [['kimi'], ['asked'], []],
      options: { strategy: 'optimistic', fallback: 'all', fallbackModels: { asked: ['kimi'] } },
      tiers: [['e1:asked'], ['e0:kimi'], ['e0:undefined', 'e2:undefined']],
    },
  ]
  for (const { name, lists, options, tiers } of cases) {
    it(name, () => assert.deepEqual(tiersOf(fleet(lists, options).route('asked')), tiers))
  }

  it('of an alias say in headers which target they lead to', () => {
    const { route } = fleet([['glm'], ['kimi']], { aliases: { Coder: { targets: ['glm', 'kimi'] } } })
    const { reason, tiers } = route('coder')
    assert.equal(reason, 'alias "Coder" resolved to 1 endpoint(s)')
    assert.deepEqual(
      tiers.map((tier) => tier.route?.reason),
      [undefined, 'alias "Coder" to its target "kimi"'],
    )
  })

  it('put preferred endpoints first, and spill into the others', () => {
    const { route } = fleet([['a'], ['a'], ['a']])
    const prefers = ({ name }: { name: string }) => name === 'e1'
    const outcome = route('a', { prefers })
    assert.deepEqual(tiersOf(outcome), [['e1:a'], ['e0:a', 'e2:a']])
    assert.deepEqual(
      outcome.tiers.map(({ spillsWhenFull }) => spillsWhenFull),
      [true, false],
    )
    assert.equal(route('a', { prefers }), outcome)
    assert.equal(route('a', { prefers: () => true }), route('a'))
    assert.equal(route('a', { prefers: () => false }), route('a'))
  })
})

describe('what is not there now', () => {
  it('is no unknown model before every endpoint has listed its models', () => {
    const { route, put } = fleet([['a'], undefined])
    assert.deepEqual([route('b').status, route('b').reason], [503, 'model_lists_incomplete'])
    assert.equal(route('a').decision, 'routed')
    put(1)
    assert.deepEqual([route('b').status, route('b').reason], [404, 'model_not_found'])
  })

  it('is an alias whose targets are all down: unavailable, and the last resort', () => {
    const { registry, route } = fleet([['glm'], ['kimi']], {
      aliases: { coder: { targets: ['glm', 'kimi'] } },
    })
    registry.setStatus(0, 'offline', '')
    registry.setStatus(1, 'offline', '')
    const outcome = route('coder')
    assert.deepEqual(
      [outcome.decision, outcome.status, outcome.reason],
      ['rejected', 503, 'model_unavailable'],
    )
    assert.deepEqual(tiersOf(outcome), [['e0:glm', 'e1:kimi']])
    assert.equal(outcome.tiers[0]?.isLastResort, true)
    assert.deepEqual(outcome.candidates, [])
  })

  it('stands behind what can be asked', () => {
    const { registry, route } = fleet([['a'], ['a'], ['b']], { fallbackModels: { a: ['b'] } })
    registry.setStatus(0, 'unhealthy', '')
    assert.deepEqual(tiersOf(route('a')), [['e1:a'], ['e2:b'], ['e0:a']])
    assert.deepEqual(placesOf(route('a')), ['e1', 'e2'])
  })
})
