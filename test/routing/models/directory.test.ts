import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { parse } from 'yaml'
import { parseConfig } from '../../../src/config/load.ts'
import { sectionOptions } from '../../../src/config/options/sections.ts'
import { ModelCatalog } from '../../../src/endpoints/discovery/catalog.ts'
import type { DiscoveredModel } from '../../../src/endpoints/discovery/discovered-model.ts'
import { buildEndpoints } from '../../../src/endpoints/registry/build.ts'
import { familiesFile } from '../../../src/kernel/package.ts'
import { ModelAliases, WeightedTurns } from '../../../src/routing/models/aliases.ts'
import { countParameters, ModelDirectory } from '../../../src/routing/models/directory.ts'
import { FamilyTable } from '../../../src/routing/models/family-table.ts'
import { withSources } from '../../../src/routing/models/unified-model.ts'
import { createRegistry } from '../../support/registry.ts'

const families = new FamilyTable(parse(readFileSync(familiesFile, 'utf8')))

function directory(lists: readonly (readonly Omit<DiscoveredModel, 'raw'>[])[], aliases = {}, unify = true) {
  const config = parseConfig({
    discovery: {
      static: { endpoints: lists.map((_, index) => ({ name: `e${index}`, url: `http://h${index}` })) },
    },
  })
  const endpoints = buildEndpoints(config.discovery.static.endpoints, {
    profile: () => undefined,
    proxy: sectionOptions('proxy', config.proxy),
  })
  const { registry } = createRegistry(endpoints)
  const catalog = new ModelCatalog()
  for (const [slot, list] of lists.entries()) {
    const endpoint = registry.snapshot.bySlot[slot]
    assert.ok(endpoint)
    catalog.update(
      endpoint,
      list.map((model) => ({ ...model, raw: {} })),
      1000 + slot,
    )
  }
  return {
    catalog,
    directory: new ModelDirectory(registry, catalog, families, new ModelAliases(aliases), unify),
  }
}

const shape = (models: ReturnType<ModelDirectory['models']>) =>
  Object.fromEntries(models.map(({ id, sources }) => [id, sources.map(({ endpoint }) => endpoint.name)]))

describe('ModelDirectory', () => {
  it('combines models of one name, and lists each name of one digest', () => {
    const { directory: all } = directory([
      [{ name: 'llama3:latest', digest: 'sha256:aaaaaaaa11' }],
      [{ name: 'Llama3' }],
      [
        { name: 'gpt-4', digest: 'sha256:aaaaaaaa11' },
        { name: 'llama3:latest', digest: 'sha256:aaaaaaaa11' },
      ],
    ])
    assert.deepEqual(shape(all.models()), { 'gpt-4': ['e2'], 'llama3:latest': ['e0', 'e2', 'e1'] })
    assert.equal(all.find('GPT-4')?.id, 'gpt-4')
    assert.deepEqual(all.find('gpt-4')?.aliases, ['gpt-4', 'gpt-4@aaaaaaaa', 'llama3:latest'])
  })

  it('finds a name with and without :latest, and aliases', () => {
    const { directory: all, catalog } = directory(
      [[{ name: 'a:latest' }, { name: 'org/b' }, { name: 'c:7b' }]],
      {
        fast: ['a'],
      },
    )
    const found = ['a', 'A:latest', 'org/b:latest', 'c:latest', 'c', 'c:7b', 'fast', 'fast:latest']
    assert.deepEqual(
      found.map((name) => all.find(name)?.id),
      ['a:latest', 'a:latest', 'org/b', undefined, undefined, 'c:7b', 'fast', 'fast'],
    )
    assert.equal(catalog.snapshot.find('ORG/b:latest')[0]?.model.name, 'org/b')
  })

  it('reports what applies to a model on all its endpoints, and what differs per endpoint', () => {
    const { directory: all } = directory([
      [{ name: 'm', contextLength: 131_072, abilities: { vision: false, tools: true } }],
      [{ name: 'm', contextLength: 32_768, contextInForce: 4096, abilities: { vision: false } }],
    ])
    const [model] = all.models()
    assert.ok(model)
    assert.equal(model.contextLength, 32_768)
    assert.equal(model.contextInForce, 4096)
    assert.deepEqual(model.abilities, { tools: true, vision: false })
    const first = withSources(model, model.sources.slice(0, 1))
    assert.equal(first.contextLength, 131_072)
    assert.equal(first.contextInForce, undefined)
  })

  it('prefers the model type that an endpoint reports to one derived from the name', () => {
    const { directory: all } = directory([
      [
        { name: 'llava-text', abilities: { vision: false } },
        { name: 'plain', abilities: { vision: true, completion: true } },
        { name: 'odd', abilities: { embedding: true, completion: false, vision: false } },
        { name: 'llava' },
      ],
    ])
    assert.deepEqual(
      all.models().map(({ id, type }) => [id, type]),
      [
        ['llava', 'vlm'],
        ['llava-text', 'llm'],
        ['odd', 'embeddings'],
        ['plain', 'vlm'],
      ],
    )
  })

  it('lists a limited number of other names, however many models share a digest', () => {
    const many = Array.from({ length: 2_000 }, (_, index) => ({
      name: `m${index}`,
      digest: 'sha256:aaaaaaaa11',
    }))
    const { directory: all } = directory([many])
    assert.equal(all.models().length, 2_000)
    assert.ok(all.models().every(({ aliases }) => aliases.length < 20))
  })

  it('lists an alias once if a model has the same name', () => {
    const { directory: all } = directory([[{ name: 'a' }], [{ name: 'b' }]], { A: ['b'] })
    assert.deepEqual(shape(all.models()), { A: ['e1'], b: ['e1'] })
    assert.equal(all.find('a')?.id, 'A')
  })

  it('keeps equal names with different weights apart, both reachable', () => {
    const { directory: all, catalog } = directory([
      [{ name: 'm', digest: 'sha256:aaaaaaaa11' }],
      [{ name: 'm', digest: 'sha256:bbbbbbbb22' }],
      [{ name: 'm', digest: 'sha256:bbbbbbbb22' }],
    ])
    assert.deepEqual(shape(all.models()), { m: ['e1', 'e2'], 'm@aaaaaaaa': ['e0'] })
    assert.deepEqual(
      catalog.snapshot.find('m@aaaaaaaa').map(({ slot }) => slot),
      [0],
    )
    assert.deepEqual(
      catalog.snapshot.find('m@bbbbbbbb').map(({ slot }) => slot),
      [1, 2],
    )
  })

  it('lists aliases with the endpoints of their targets', () => {
    const { directory: all } = directory([[{ name: 'a' }], [{ name: 'b' }]], {
      Both: ['a', 'b'],
      None: ['nobody'],
    })
    assert.deepEqual(shape(all.models()), { Both: ['e0', 'e1'], a: ['e0'], b: ['e1'] })
  })

  it('combines only exact names if unification is off', () => {
    const { directory: all } = directory([[{ name: 'm' }], [{ name: 'M' }], [{ name: 'm' }]], {}, false)
    assert.deepEqual(shape(all.models()), { M: ['e1'], m: ['e0', 'e2'] })
  })

  it('drops models that have expired, and keeps `created`', () => {
    const { directory: all, catalog } = directory([[{ name: 'a' }], [{ name: 'a' }, { name: 'b' }]])
    assert.equal(all.find('a')?.createdMs, 1000)
    catalog.expire(1001)
    assert.deepEqual(shape(all.models()), { a: ['e1'], b: ['e1'] })
    assert.equal(all.find('a')?.createdMs, 1000)
  })
})

describe('FamilyTable', () => {
  const cases: [string, string, string, string][] = [
    ['llama3.2:3b', 'llama', '3.2', 'llm'],
    ['meta-llama/Llama-3.1-8B-Instruct', 'llama', '3.1', 'llm'],
    ['qwen2.5-coder:7b', 'qwen', '2.5', 'llm'],
    ['nomic-embed-text', 'nomic', '', 'embeddings'],
    ['llava:13b', 'llava', '', 'vlm'],
    ['mistral-small', 'mistral', 'small', 'llm'],
    ['deepseek-r1:70b', 'deepseek', 'r1', 'llm'],
    ['unheard-of', '', '', 'llm'],
  ]
  for (const [name, family, variant, type] of cases) {
    it(`${name} is ${family || 'of no known family'}`, () => {
      const traits = families.traits({ name })
      assert.deepEqual([traits.family, traits.variant, traits.type], [family, variant, type])
    })
  }

  it('prefers the endpoint’s family to the name’s', () => {
    assert.equal(families.traits({ name: 'my-finetune', family: 'qwen2' }).family, 'qwen')
    assert.equal(families.traits({ name: 'x', quantization: 'Q4_K_M' }).quantization, 'q4km')
    assert.equal(families.spelledQuantization('q4km'), 'Q4_K_M')
    assert.ok(families.traits({ name: 'x', contextLength: 131_072 }).capabilities.includes('long_context'))
  })

  it('reads sizes', () => {
    assert.equal(countParameters('7b'), 7e9)
    assert.equal(countParameters('8x7B'), 56e9)
    assert.equal(countParameters('137M'), 137e6)
    assert.equal(countParameters('big'), 0)
  })
})

describe('WeightedTurns', () => {
  it('distributes by weight among the available targets', () => {
    const alias = new ModelAliases({
      a: {
        targets: [
          { model: 'x', weight: 3 },
          { model: 'y', weight: 1 },
        ],
      },
    }).get('A')
    assert.ok(alias)
    const turns = new WeightedTurns()
    const counts = [0, 0]
    for (let request = 0; request < 40; request++) {
      const seen = turns.next(alias, [true, true], true)
      const turn = turns.next(alias, [true, true])
      assert.equal(turn, seen, 'a dry run does not advance the rotation')
      if (turn !== undefined) counts[turn] = (counts[turn] ?? 0) + 1
    }
    assert.deepEqual(counts, [30, 10])
    assert.equal(turns.next(alias, [false, true]), 1)
    assert.equal(turns.next(alias, [false, false]), undefined)
  })
})
