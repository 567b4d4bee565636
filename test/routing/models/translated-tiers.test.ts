import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RoutedEndpoint, RoutingOutcome } from '../../../src/routing/models/routing.ts'
import { byPath } from '../../../src/routing/models/tiers.ts'
import { endpoint } from '../../observe/stats/fixtures.ts'

const slots = { has: 0, translates: 1, unknown: 2, lacks: 3, 'lacks-for-sure': 4, 'lacks-but-translates': 5 }
type Name = keyof typeof slots

const candidates = new Map(
  Object.entries(slots).map(([name, slot]): [string, RoutedEndpoint] => [
    name,
    {
      endpoint: endpoint({ slot, name, profile: undefined }),
      nativeModel: 'm',
      sentModel: undefined,
      isWarm: undefined,
      abilities: undefined,
    },
  ]),
)

function outcomeWith(names: readonly Name[]): RoutingOutcome {
  const list = names.map((name) => candidates.get(name) ?? assert.fail(name))
  return {
    strategy: 'strict',
    decision: 'routed',
    reason: 'model_found',
    status: 200,
    knowledge: 'found',
    tiers: [{ candidates: list, spillsWhenFull: false }],
    candidates: list,
  }
}

/** The endpoints of each tier after routing by path. */
function tiersOf(names: readonly Name[]): { tiers: string[][]; translates: boolean | undefined } {
  const nameOf = ({ endpoint: { name } }: RoutedEndpoint) => name
  const { tiers, translates } = byPath(outcomeWith(names), {
    serves(candidate) {
      const name = nameOf(candidate)
      return name === 'has' ? true : name.startsWith('lacks') ? false : undefined
    },
    lacksForSure: (candidate) =>
      nameOf(candidate) === 'lacks-for-sure' || nameOf(candidate) === 'lacks-but-translates',
    translates: (candidate) => nameOf(candidate).endsWith('translates'),
  })
  return { tiers: tiers.map((tier) => tier.candidates.map(nameOf)), translates }
}

describe('candidates by path', () => {
  const rows: [names: Name[], tiers: string[][], translates: boolean | undefined][] = [
    [['has'], [['has']], undefined],
    [['has', 'unknown'], [['has'], ['unknown']], undefined],
    [['translates', 'has'], [['has'], ['translates']], true],
    [['unknown', 'translates'], [['translates'], ['unknown']], true],
    [['unknown', 'translates', 'has', 'lacks'], [['has'], ['translates'], ['unknown'], ['lacks']], true],
    [['lacks-for-sure', 'translates'], [['translates']], true],
    [['lacks-but-translates'], [['lacks-but-translates']], true],
    [['lacks-but-translates', 'translates'], [['lacks-but-translates', 'translates']], true],
    [['lacks-for-sure'], [], undefined],
  ]
  for (const [names, tiers, translates] of rows) {
    it(`of ${names.join(', ')} are ${tiers.map((tier) => tier.join(' + ')).join(', then ') || 'none'}`, () => {
      assert.deepEqual(tiersOf(names), { tiers, translates })
    })
  }
})
