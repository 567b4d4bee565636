import assert from 'node:assert/strict'
import { parseConfig } from '../../../src/config/load.ts'
import { sectionOptions } from '../../../src/config/options/sections.ts'
import { ModelCatalog } from '../../../src/endpoints/discovery/catalog.ts'
import type { DiscoveredModel } from '../../../src/endpoints/discovery/discovered-model.ts'
import { buildEndpoints } from '../../../src/endpoints/registry/build.ts'
import { familiesFile } from '../../../src/kernel/package.ts'
import { type AliasConfig, ModelAliases } from '../../../src/routing/models/aliases.ts'
import { ModelDirectory } from '../../../src/routing/models/directory.ts'
import { loadFamilyTable } from '../../../src/routing/models/family-table.ts'
import type { RequestNeeds } from '../../../src/routing/models/needs.ts'
import { PathKnowledge } from '../../../src/routing/models/path-knowledge.ts'
import {
  ModelRouter,
  type ModelRouterOptions,
  type RoutingRequest,
} from '../../../src/routing/models/router.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { createRegistry } from '../../support/registry.ts'

const families = loadFamilyTable({ builtIn: familiesFile, cwd: '/nowhere' })
export type Listed = string | Omit<DiscoveredModel, 'raw'>
const listed = (models: readonly Listed[]) =>
  models.map((model) => ({ ...(typeof model === 'string' ? { name: model } : model), raw: {} }))
export const someNeeds: RequestNeeds = {
  vision: false,
  tools: false,
  embeddings: false,
  audio: false,
  structured: false,
  promptTokens: 0,
}

/** One healthy endpoint per list of model names; undefined where it has not listed any yet. */
export function fleet(
  lists: readonly (readonly Listed[] | undefined)[],
  { aliases: aliasConfig = {}, ...options }: Partial<ModelRouterOptions> & { aliases?: AliasConfig } = {},
) {
  const config = parseConfig({
    discovery: { static: { endpoints: lists.map((_, at) => ({ name: `e${at}`, url: `http://h${at}` })) } },
  })
  const endpoints = buildEndpoints(config.discovery.static.endpoints, {
    profile: () => undefined,
    proxy: sectionOptions('proxy', config.proxy),
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

export const placesOf = ({ candidates }: ReturnType<ReturnType<typeof fleet>['route']>) =>
  candidates.map(({ endpoint }) => endpoint.name)

/** Tiers as `endpoint:model`. */
export const tiersOf = ({ tiers }: ReturnType<ReturnType<typeof fleet>['route']>) =>
  tiers.map(({ candidates }) =>
    candidates.map(({ endpoint, nativeModel }) => `${endpoint.name}:${nativeModel}`),
  )
