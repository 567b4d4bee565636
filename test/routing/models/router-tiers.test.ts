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
      name: 'an ordered alias has one tier per target, in order',
      lists: [['kimi'], ['glm'], ['glm', 'kimi']],
      options: { aliases: { asked: { targets: ['glm', 'kimi', 'unlisted'] } } },
      tiers: [
        ['e1:glm', 'e2:glm'],
        ['e0:kimi', 'e2:kimi'],
      ],
    },
    {
      name: 'a pooled alias has one tier, and another for the second model of an endpoint',
      lists: [['kimi'], ['glm'], ['glm', 'kimi']],
      options: { aliases: { asked: ['glm', 'kimi'] } },
      tiers: [['e1:glm', 'e2:glm', 'e0:kimi'], ['e2:kimi']],
    },
    {
      name: 'a weighted alias starts with the next target of its rotation',
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
      name: 'fallback models come after the model itself',
      lists: [['kimi'], ['asked'], ['glm']],
      options: { fallbackModels: { asked: ['glm', 'kimi'] } },
      tiers: [['e1:asked'], ['e2:glm'], ['e0:kimi']],
    },
    {
      name: 'fallback models come after an alias',
      lists: [['kimi'], ['glm']],
      options: { aliases: { asked: { targets: ['glm'] } }, fallbackModels: { asked: ['kimi'] } },
      tiers: [['e1:glm'], ['e0:kimi']],
    },
    {
      name: 'an optimistic fallback to all comes after the endpoints that have the model',
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

  it('report the target of an alias in headers', () => {
    const { route } = fleet([['glm'], ['kimi']], { aliases: { Coder: { targets: ['glm', 'kimi'] } } })
    const { reason, tiers } = route('coder')
    assert.equal(reason, 'alias "Coder" resolved to 1 endpoint(s)')
    assert.deepEqual(
      tiers.map((tier) => tier.route?.reason),
      [undefined, 'alias "Coder" to its target "kimi"'],
    )
  })

  it('prefer endpoints in order, and spill to the others', () => {
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

describe('a model that is unavailable now', () => {
  it('is not unknown until every endpoint has listed its models', () => {
    const { route, put } = fleet([['a'], undefined])
    assert.deepEqual([route('b').status, route('b').reason], [503, 'model_lists_incomplete'])
    assert.equal(route('a').decision, 'routed')
    put(1)
    assert.deepEqual([route('b').status, route('b').reason], [404, 'model_not_found'])
  })

  it('is unavailable if all targets of the alias are down, and tried as a last resort', () => {
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

  it('comes after available ones', () => {
    const { registry, route } = fleet([['a'], ['a'], ['b']], { fallbackModels: { a: ['b'] } })
    registry.setStatus(0, 'unhealthy', '')
    assert.deepEqual(tiersOf(route('a')), [['e1:a'], ['e2:b'], ['e0:a']])
    assert.deepEqual(placesOf(route('a')), ['e1', 'e2'])
  })
})
