import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseConfig } from '../../src/config/load.ts'
import { buildEndpoints } from '../../src/endpoint/build.ts'
import { ModelAliases } from '../../src/model/aliases.ts'
import { ModelCatalog } from '../../src/model/catalog.ts'
import { ModelDirectory } from '../../src/model/directory.ts'
import { loadFamilyTable } from '../../src/model/family-table.ts'
import type { DiscoveredModel } from '../../src/model/list-parsers.ts'
import type { RequestNeeds } from '../../src/model/needs.ts'
import { ModelRouter, type ModelRouterOptions, type RoutingRequest } from '../../src/model/router.ts'
import { familiesFile } from '../../src/package.ts'
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

/** One healthy endpoint per list of model names. */
function fleet(lists: readonly (readonly Listed[])[], options: Partial<ModelRouterOptions> = {}) {
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
    put(slot, ...models)
  }
  const aliases = new ModelAliases({})
  const directory = new ModelDirectory(registry, catalog, families, aliases)
  const router = new ModelRouter(
    { registry, catalog, directory, aliases },
    {
      strategy: 'strict',
      fallback: 'none',
      fallbackModels: {},
      filter: { include: [], exclude: [] },
      refreshOnMiss: true,
      ...options,
    },
  )
  const route = (model: string, more: Pick<RoutingRequest, 'refresh' | 'needs'> = {}) =>
    router.route({ model, provider: undefined, path: '/v1/chat/completions', ...more })
  return { registry, route, put }
}

const placesOf = ({ candidates }: ReturnType<ReturnType<typeof fleet>['route']>) =>
  candidates.map(({ endpoint }) => endpoint.name)

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
