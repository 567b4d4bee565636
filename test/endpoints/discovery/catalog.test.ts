import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ModelCatalog } from '../../../src/endpoints/discovery/catalog.ts'

const endpoint = (slot: number, include: string[] = []) => ({ slot, modelFilter: { include, exclude: [] } })
const named = (...names: string[]) => names.map((name) => ({ name, raw: {} }))

describe('ModelCatalog', () => {
  it('prefers a model’s exact name to a different case', () => {
    const catalog = new ModelCatalog()
    catalog.update(endpoint(0), named('Llama'), 1)
    catalog.update(endpoint(1), named('llama'), 1)
    const { snapshot } = catalog
    assert.deepEqual(
      snapshot.find('Llama').map(({ slot }) => slot),
      [0],
    )
    assert.deepEqual(
      snapshot.find('llama').map(({ slot }) => slot),
      [1],
    )
    assert.deepEqual(
      snapshot.find('LLAMA').map(({ slot }) => slot),
      [0, 1],
    )
  })

  it('reads a name without a tag as :latest', () => {
    const catalog = new ModelCatalog()
    catalog.update(endpoint(0), named('mistral:latest'), 1)
    assert.equal(catalog.snapshot.find('mistral')[0]?.model.name, 'mistral:latest')
  })

  it('removes models that are no longer listed, and returns the changes', () => {
    const catalog = new ModelCatalog()
    catalog.update(endpoint(0), named('a', 'b'), 1)
    const { version } = catalog.snapshot
    assert.deepEqual(catalog.update(endpoint(0), named('b', 'c'), 2), { added: ['c'], removed: ['a'] })
    assert.deepEqual(catalog.snapshot.find('a'), [])
    assert.deepEqual(catalog.snapshot.names(), ['b', 'c'])
    assert.ok(catalog.snapshot.version > version)
  })

  it('adds only models that the endpoint’s filter allows', () => {
    const catalog = new ModelCatalog()
    catalog.update(endpoint(0, ['qwen*coder*']), named('qwen2.5-coder:7b', 'llama'), 1)
    assert.deepEqual(catalog.snapshot.names(), ['qwen2.5-coder:7b'])
  })

  it('does not change an older snapshot', () => {
    const catalog = new ModelCatalog()
    catalog.update(endpoint(0), named('a'), 1)
    const before = catalog.snapshot
    catalog.update(endpoint(0), named(), 2)
    assert.equal(before.find('a').length, 1)
  })

  it('distinguishes changes that affect routing from repeated reads', () => {
    const catalog = new ModelCatalog()
    const vllm = (created: number) => [{ name: 'a', raw: { created, id: 'a' } }]
    catalog.update(endpoint(0), vllm(1), 1)
    const first = catalog.snapshot
    // vLLM's entries hold the time of the look.
    catalog.update(endpoint(0), vllm(2), 2)
    const again = catalog.snapshot
    assert.equal(again.contentVersion, first.contentVersion)
    assert.ok(again.version > first.version)
    assert.equal(again.byEndpoint.get(0)?.seenMs, 2)
    assert.deepEqual(again.byEndpoint.get(0)?.models, vllm(2))
    assert.equal(again.find('a'), first.find('a'))
    catalog.setLoaded(0, new Map([['a', {}]]))
    assert.ok(catalog.snapshot.contentVersion > again.contentVersion)
    assert.equal(catalog.snapshot.find('a')[0]?.model.state, 'loaded')
  })
})
