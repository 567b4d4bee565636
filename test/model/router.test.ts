import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseConfig } from '../../src/config/load.ts'
import { buildEndpoints } from '../../src/endpoint/build.ts'
import { type AliasConfig, ModelAliases } from '../../src/model/aliases.ts'
import { ModelCatalog } from '../../src/model/catalog.ts'
import { ModelDirectory } from '../../src/model/directory.ts'
import { loadFamilyTable } from '../../src/model/family-table.ts'
import type { DiscoveredModel } from '../../src/model/list-parsers.ts'
import type { RequestNeeds } from '../../src/model/needs.ts'
import { PathKnowledge } from '../../src/model/path-knowledge.ts'
import { ModelRouter, type ModelRouterOptions, type RoutingRequest } from '../../src/model/router.ts'
import { familiesFile } from '../../src/package.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { createRegistry } from '../support/registry.ts'

const families = loadFamilyTable({ builtIn: familiesFile, cwd: '/nowhere' })
type Listed = string | Omit<DiscoveredModel, 'raw'>
const listed = (models: readonly Listed[]) =>
  models.map((model) => ({ ...(typeof model === 'string' ? { name: model } : model), raw: {} }))
const someNeeds: RequestNeeds = {
  vision: false,
  tools: false,
  embeddings: false,
  audio: false,
  structured: false,
  promptTokens: 0,
}

/** One healthy endpoint per list of model names; undefined where it has not listed any yet. */
function fleet(
  lists: readonly (readonly Listed[] | undefined)[],
  { aliases: aliasConfig = {}, ...options }: Partial<ModelRouterOptions> & { aliases?: AliasConfig } = {},
) {
  const config = parseConfig({
    discovery: { static: { endpoints: lists.map((_, at) => ({ name: `e${at}`, url: `http://h${at}` })) } },
  })
  const endpoints = buildEndpoints(config.discovery.static.endpoints, {
    profile: () => undefined,
    proxy: config.proxy,
  })
  const { registry } = createRegistry(endpoints)
  const catalog = new ModelCatalog()
  const put = (slot: number, ...models: readonly Listed[]) => {
    const endpoint = endpoints[slot]
    assert.ok(endpoint)
    catalog.update(endpoint, listed(models), 1)
  }
  for (const [slot, models] of lists.entries()) {
    registry.setStatus(slot, 'healthy', 'test')
    if (models !== undefined) put(slot, ...models)
  }
  const aliases = new ModelAliases(aliasConfig)
  const directory = new ModelDirectory(registry, catalog, families, aliases)
  const paths = new PathKnowledge({
    clock: new FakeClock(),
    fallbackPaths: () => ['/v1/chat/completions'],
    versionOf: () => undefined,
  })
  const router = new ModelRouter(
    { registry, catalog, directory, aliases, paths },
    {
      strategy: 'strict',
      fallback: 'none',
      fallbackModels: {},
      filter: { include: [], exclude: [] },
      refreshOnMiss: true,
      discovers: true,
      ...options,
    },
  )
  const route = (model: string, more: Partial<RoutingRequest> = {}) =>
    router.route({ model, provider: undefined, path: '/v1/chat/completions', ...more })
  const at = (slot: number) => {
    const endpoint = endpoints[slot]
    assert.ok(endpoint)
    return endpoint
  }
  return { registry, route, put, paths, at }
}

const placesOf = ({ candidates }: ReturnType<ReturnType<typeof fleet>['route']>) =>
  candidates.map(({ endpoint }) => endpoint.name)

/** Tiers as `endpoint:model`. */
const tiersOf = ({ tiers }: ReturnType<ReturnType<typeof fleet>['route']>) =>
  tiers.map(({ candidates }) =>
    candidates.map(({ endpoint, nativeModel }) => `${endpoint.name}:${nativeModel}`),
  )

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
      options: { aliases: { asked: { targets: ['glm', 'kimi', 'nobody'] } } },
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

describe('ModelRouter', () => {
  it('gives the endpoints that have the model, in the order of the configuration', () => {
    const { route } = fleet([['a', 'b'], ['b'], ['a', 'c']])
    assert.deepEqual(placesOf(route('a')), ['e0', 'e2'])
    assert.deepEqual(placesOf(route('b')), ['e0', 'e1'])
  })

  it('does not look at all endpoints where some have the model: there may be thousands', () => {
    const { registry, route } = fleet([['a'], ['b'], ['a']])
    const { snapshot } = registry
    Object.defineProperty(snapshot, 'endpoints', {
      get: () => assert.fail('all endpoints were looked at'),
    })
    assert.deepEqual(placesOf(route('a')), ['e0', 'e2'])
    assert.throws(() => route('unknown'), /all endpoints were looked at/)
  })

  it('says why a model has no place', () => {
    const { registry, route } = fleet([['a'], ['b']])
    assert.equal(route('c').reason, 'model_not_found')
    assert.equal(route('c').status, 404)
    registry.setStatus(0, 'offline', 'test')
    assert.equal(route('a').reason, 'model_unavailable')
    assert.equal(route('a').status, 503)
    registry.setStatus(1, 'offline', 'test')
    assert.equal(route('c').reason, 'no_healthy_endpoints')
  })

  it('falls back to whoever is there after a refresh that failed, also where the model is known', () => {
    const { route } = fleet([['a'], ['b']], { strategy: 'discovery', fallback: 'all' })
    const outcome = route('a', { refresh: 'failed' })
    assert.equal(outcome.decision, 'fallback')
    assert.deepEqual(placesOf(outcome), ['e0', 'e1'])
  })

  it('takes a name with and without :latest for one, and sends the endpoint its own', () => {
    const { route } = fleet([['a:latest'], ['b'], ['c:7b']], {
      aliases: { fast: ['b'], 'slow:latest': ['a'], b: ['b'] },
    })
    const sent = [
      'a',
      'a:latest',
      'A',
      'b',
      'B',
      'b:latest',
      'c',
      'c:latest',
      'fast',
      'fast:latest',
      'slow',
      'SLOW:latest',
    ]
    assert.deepEqual(
      sent.map((name) => {
        const [candidate] = route(name).candidates
        return candidate === undefined ? 'none' : (candidate.sentModel ?? 'as asked')
      }),
      [
        'as asked',
        'as asked',
        'a:latest',
        'as asked',
        'b',
        'b',
        'none',
        'none',
        'b',
        'b',
        'a:latest',
        'a:latest',
      ],
    )
  })

  it('keeps a decision while the same lists are seen again', () => {
    const { route, put } = fleet([['a'], ['b']])
    const first = route('a')
    put(0, 'a')
    put(1, 'b')
    assert.equal(route('a'), first)
  })

  it('keeps a decision until a status or a list changes, and no longer', () => {
    const { registry, route, put } = fleet([['a'], ['a']])
    const first = route('a')
    assert.equal(route('a'), first)
    registry.setStatus(0, 'unhealthy', 'test')
    assert.deepEqual(placesOf(route('a')), ['e1'])
    registry.setStatus(0, 'healthy', 'test')
    put(1, 'b')
    assert.deepEqual(placesOf(route('a')), ['e0'])
    assert.deepEqual(placesOf(route('b')), ['e1'])
  })

  it('reads what a request needs only where the candidates differ in that: it reads the whole body', () => {
    const alike = fleet([[{ name: 'a', contextLength: 8192 }], [{ name: 'a', contextLength: 8192 }]])
    const needs = () => assert.fail('the needs were read')
    assert.deepEqual(placesOf(alike.route('a', { needs })), ['e0', 'e1'])
    alike.put(1, { name: 'a', contextLength: 131_072 })
    assert.throws(() => alike.route('a', { needs }), /the needs were read/)
    const long = alike.route('a', { needs: () => ({ ...someNeeds, promptTokens: 20_000 }) })
    assert.deepEqual(placesOf(long), ['e1'])
  })
})
