import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AliasConfig } from '../../../src/routing/models/aliases.ts'
import { fleet, type Listed, tiersOf } from './routed-fleet.ts'

interface Case {
  readonly aliases: AliasConfig
  readonly fallbackModels?: Readonly<Record<string, readonly string[]>>
  readonly tiers: readonly (readonly string[])[]
}

const lists: readonly (readonly Listed[])[] = [['glm', 'qwen'], ['kimi'], ['llama']]

const cases: Readonly<Record<string, Case>> = {
  'a pooled alias of an alias pools its models': {
    aliases: { asked: ['fast', 'kimi'], fast: ['glm'] },
    tiers: [['e0:glm', 'e1:kimi']],
  },
  'an ordered alias of aliases keeps their order': {
    aliases: { asked: { targets: ['best', 'fast'] }, best: ['kimi', 'llama'], fast: ['glm'] },
    tiers: [['e1:kimi', 'e2:llama'], ['e0:glm']],
  },
  'a pooled alias of ordered ones pools the first target of each': {
    aliases: {
      asked: ['one', 'two'],
      one: { targets: ['glm', 'kimi'] },
      two: { targets: ['llama', 'qwen'] },
    },
    tiers: [
      ['e0:glm', 'e2:llama'],
      ['e1:kimi', 'e0:qwen'],
    ],
  },
  'a weighted alias gives a nested alias its share': {
    aliases: {
      asked: {
        targets: [
          { model: 'fast', weight: 9 },
          { model: 'kimi', weight: 1 },
        ],
      },
      fast: ['glm'],
    },
    tiers: [['e0:glm'], ['e1:kimi']],
  },
  'a model takes precedence over an alias of the same name': {
    aliases: { asked: { targets: ['kimi'] }, kimi: ['glm'] },
    tiers: [['e1:kimi']],
  },
  'an alias of its own name means the model': {
    aliases: { asked: ['glm'], glm: ['glm', 'kimi'] },
    tiers: [['e0:glm']],
  },
  'a model in two aliases is tried once': {
    aliases: { asked: { targets: ['one', 'two'] }, one: ['glm'], two: ['glm', 'kimi'] },
    tiers: [['e0:glm'], ['e1:kimi']],
  },
  'a circular alias is skipped': {
    aliases: { asked: { targets: ['one', 'kimi'] }, one: ['asked', 'glm'] },
    tiers: [['e0:glm'], ['e1:kimi']],
  },
  'aliases with only circular targets have no endpoint': {
    aliases: { asked: ['one'], one: ['asked'] },
    tiers: [],
  },
  'case is ignored': {
    aliases: { asked: ['FAST'], fast: ['glm'] },
    tiers: [['e0:glm']],
  },
  'a fallback may be an alias': {
    aliases: { best: { targets: ['kimi', 'llama'] } },
    fallbackModels: { asked: ['best'] },
    tiers: [['e1:kimi'], ['e2:llama']],
  },
  'an alias may have an alias as its fallback': {
    aliases: { asked: ['glm'], best: ['fast', 'glm'], fast: ['kimi'] },
    fallbackModels: { asked: ['best'] },
    tiers: [['e0:glm'], ['e1:kimi']],
  },
  'an alias may have itself as its fallback': {
    aliases: { asked: ['glm'] },
    fallbackModels: { asked: ['asked'] },
    tiers: [['e0:glm']],
  },
  'the fallbacks of a fallback are not tried': {
    aliases: { best: ['nothing'] },
    fallbackModels: { asked: ['best'], best: ['kimi'] },
    tiers: [],
  },
}

describe('aliases of aliases', () => {
  for (const [name, { aliases, fallbackModels = {}, tiers }] of Object.entries(cases)) {
    it(name, () => {
      const { route } = fleet(lists, { aliases, fallbackModels })
      assert.deepEqual(tiersOf(route('asked')), tiers)
    })

    it(`${name}, and the same for the last resort`, () => {
      const { route, registry } = fleet(lists, { aliases, fallbackModels })
      for (const [slot] of lists.entries()) registry.setStatus(slot, 'offline', '')
      const places = (outcome: ReturnType<typeof route>) => tiersOf(outcome).flat().sort()
      assert.deepEqual(places(route('asked')), tiers.flat().sort())
    })
  }

  it('advance the rotation of a nested weighted alias', () => {
    const { route } = fleet(lists, {
      aliases: {
        asked: ['turns'],
        turns: {
          targets: [
            { model: 'glm', weight: 1 },
            { model: 'kimi', weight: 1 },
          ],
        },
      },
    })
    const first = () => tiersOf(route('asked'))[0]?.[0]
    assert.deepEqual([first(), first(), first()], ['e0:glm', 'e1:kimi', 'e0:glm'])
  })

  it('end in long chains, too', () => {
    const chain = Array.from({ length: 1000 }, (_, at) => [`a${at}`, [`a${at + 1}`]] as const)
    const { route } = fleet(lists, { aliases: Object.fromEntries([['asked', ['a0']], ...chain]) })
    assert.deepEqual(tiersOf(route('asked')), [])
  })

  it('stay bounded if each has many targets', () => {
    const wide = Array.from({ length: 8 }, (_, at) => [
      `a${at}`,
      Array.from({ length: 20 }, (_, next) => `a${(at + next) % 8}`),
    ])
    const { route } = fleet(lists, { aliases: Object.fromEntries([['asked', ['a0', 'glm']], ...wide]) })
    assert.deepEqual(tiersOf(route('asked')), [['e0:glm']])
  })
})
