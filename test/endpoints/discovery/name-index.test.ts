import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  areSameLists,
  type ModelLists,
  NameIndex,
  type RoutedModel,
} from '../../../src/endpoints/discovery/name-index.ts'

const names = ['a', 'A', 'a:latest', 'b', 'B:latest', 'c']
const model: fc.Arbitrary<RoutedModel> = fc
  .record({
    name: fc.constantFrom(...names),
    digest: fc.constantFrom(undefined, 'sha256:aaaaaaaa11', 'sha256:bbbbbbbb22'),
    state: fc.constantFrom(undefined, 'loaded' as const, 'not-loaded' as const),
  })
  .map(({ name, digest, state }) => ({
    name,
    ...(digest === undefined ? {} : { digest }),
    ...(state === undefined ? {} : { state }),
  }))
const change = fc.record({
  slot: fc.nat(4),
  /** Null takes the endpoint's list away. */
  models: fc.option(fc.array(model, { maxLength: 4 })),
  /** Whether a look follows this change. */
  looks: fc.boolean(),
})
const asked = [...names, 'C', 'a@aaaaaaaa', 'A:LATEST', 'b', 'unknown']

function apply(lists: ModelLists, slot: number, models: readonly RoutedModel[] | null): ModelLists {
  const next = new Map(lists)
  if (models === null) next.delete(slot)
  else next.set(slot, { models })
  return new Map([...next].sort(([a], [b]) => a - b))
}

const answers = (index: NameIndex) => asked.map((name) => index.find(name))

describe('the index of model names', () => {
  it('equals a newly built index after any changes', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 12 }), (changes) => {
        let lists: ModelLists = new Map()
        let index = new NameIndex(lists)
        for (const { slot, models, looks } of changes) {
          lists = apply(lists, slot, models)
          index = index.after(slot, lists)
          if (looks) assert.deepEqual(answers(index), answers(new NameIndex(lists)))
        }
        assert.deepEqual(answers(index), answers(new NameIndex(lists)))
        assert.deepEqual(index.names(), new NameIndex(lists).names())
      }),
    )
  })

  it('does not change when a later one is derived from it', () => {
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), change, (changes, last) => {
        let lists: ModelLists = new Map()
        for (const { slot, models } of changes) lists = apply(lists, slot, models)
        const before = new NameIndex(lists)
        const found = structuredClone(answers(before))
        answers(before.after(last.slot, apply(lists, last.slot, last.models)))
        assert.deepEqual(answers(before), found)
      }),
    )
  })

  it('keeps the arrays of names that a change does not affect', () => {
    const lists = apply(apply(new Map(), 0, [{ name: 'a' }, { name: 'b' }]), 1, [{ name: 'b' }])
    const before = new NameIndex(lists)
    const [a, b] = [before.find('a'), before.find('b')]
    const after = before.after(1, apply(lists, 1, [{ name: 'b', state: 'loaded' }]))
    assert.equal(after.find('a'), a)
    assert.notEqual(after.find('b'), b)
    assert.deepEqual(
      after.find('b').map(({ slot }) => slot),
      [0, 1],
    )
  })
})

describe('lists', () => {
  it('are equal if they produce the same routing', () => {
    const list = [{ name: 'a', capabilities: ['tools'] }, { name: 'b' }]
    assert.ok(areSameLists(list, structuredClone(list)))
    assert.ok(!areSameLists(list, list.slice(1)))
    assert.ok(!areSameLists(list, list.toReversed()))
    assert.ok(!areSameLists([{ name: 'a' }], [{ name: 'a', state: 'loaded' }]))
    assert.ok(!areSameLists([{ name: 'a' }], [{ name: 'a', contextLength: 8_192 }]))
  })
})
