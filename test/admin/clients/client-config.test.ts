import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { clientConfig } from '../../../src/admin/clients/client-config.ts'
import { hasResponses } from '../../../src/admin/clients/responses-support.ts'
import { parseConfig } from '../../../src/config/load.ts'
import { sectionOptions } from '../../../src/config/options/sections.ts'
import { ModelCatalog } from '../../../src/endpoints/discovery/catalog.ts'
import type { DiscoveredModel } from '../../../src/endpoints/discovery/discovered-model.ts'
import { ProfileStore } from '../../../src/endpoints/profiles/profile-store.ts'
import { buildEndpoints } from '../../../src/endpoints/registry/build.ts'
import { familiesFile, profilesFolder } from '../../../src/kernel/package.ts'
import { ModelAliases } from '../../../src/routing/models/aliases.ts'
import { ModelDirectory } from '../../../src/routing/models/directory.ts'
import { loadFamilyTable } from '../../../src/routing/models/family-table.ts'
import { createRegistry } from '../../support/registry.ts'

const families = loadFamilyTable({ builtIn: familiesFile, cwd: '/nowhere' })
const profiles = new ProfileStore({ builtIn: profilesFolder })

/** What is known of one endpoint's models. */
function fleet(type: string, models: readonly Omit<DiscoveredModel, 'raw'>[]) {
  const config = parseConfig({ discovery: { static: { endpoints: [{ name: 'e', url: 'http://h', type }] } } })
  const endpoints = buildEndpoints(config.discovery.static.endpoints, {
    profile: (name) => profiles.get(name),
    proxy: sectionOptions('proxy', config.proxy),
  })
  const { registry } = createRegistry(endpoints)
  const catalog = new ModelCatalog()
  const [endpoint] = endpoints
  assert.ok(endpoint)
  catalog.update(
    endpoint,
    models.map((model) => ({ ...model, raw: {} })),
    1,
  )
  return {
    endpoint,
    models: new ModelDirectory(registry, catalog, families, new ModelAliases({})).models(),
  }
}

const models = [
  { name: 'a-embed', contextLength: 512 },
  { name: 'b', contextLength: 131_072, contextInForce: 8192, abilities: { vision: true } },
  { name: 'c', abilities: { tools: true, vision: false } },
  { name: 'bge-reranker', abilities: { completion: false } },
  { name: 'whisper-1' },
]
const url = 'http://gw'
const text = (name: 'opencode' | 'codex' | 'zed' | 'claude-code', has: boolean | 'unknown' = true) =>
  clientConfig(name, url, fleet('vllm', models).models, () => (has === 'unknown' ? undefined : has)).text

describe('configurations of clients', () => {
  it('start with a chat model and its limits', () => {
    assert.deepEqual(JSON.parse(text('opencode')).provider.olla.models, {
      c: { name: 'c', tool_call: true },
      b: { name: 'b', limit: { context: 8192, output: 4096 }, attachment: true },
    })
    assert.match(text('claude-code'), /ANTHROPIC_MODEL=c\n/)
    assert.match(text('codex'), /^model = "c"$/m)
  })

  it("list a model's capabilities for Zed", () => {
    const [first, second] = JSON.parse(text('zed')).language_models.openai_compatible['olla-gateway']
      .available_models
    assert.deepEqual(first, {
      name: 'c',
      display_name: 'c',
      max_tokens: 32_768,
      max_output_tokens: 8192,
      capabilities: { tools: true, images: false, parallel_tool_calls: false, prompt_cache_key: false },
    })
    assert.equal(second.max_tokens, 8192)
    assert.equal(second.capabilities.images, true)
  })

  it('comment out the lines for Codex if no endpoint is known to have its API', () => {
    for (const has of [false, 'unknown'] as const) {
      const config = text('codex', has)
      assert.match(config, /^# Codex needs the Responses API/)
      assert.ok(config.split('\n').every((line) => line === '' || line.startsWith('#')))
    }
    assert.match(clientConfig('codex', url, [], () => true).text, /no chat model was found yet/)
  })
})

describe('hasResponses', () => {
  const cases: [string, string | undefined, boolean | undefined, boolean | undefined][] = [
    ['vllm', '0.9.2', undefined, false],
    ['vllm', '0.10.1', undefined, true],
    ['vllm', undefined, undefined, true],
    ['ollama', '0.13.3', undefined, true],
    ['ollama', '0.9.0', undefined, false],
    ['llamacpp', 'b6000-abc', undefined, false],
    ['llamacpp', 'b0-unknown', undefined, true],
    ['lm-studio', undefined, undefined, true],
    ['sglang', undefined, undefined, undefined],
    ['openai-compatible', undefined, undefined, undefined],
    ['sglang', undefined, true, true],
    ['vllm', '0.10.1', false, false],
  ]
  for (const [type, version, learned, expected] of cases) {
    it(`${type} ${version ?? 'of no known version'}, learned ${learned ?? 'nothing'}: ${expected ?? 'unknown'}`, () =>
      assert.equal(hasResponses(fleet(type, []).endpoint, learned, version), expected))
  }
})
