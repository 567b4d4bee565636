import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { parseConfig } from '../../../src/config/load.ts'
import { sectionOptions } from '../../../src/config/options/sections.ts'
import { ModelCatalog } from '../../../src/endpoints/discovery/catalog.ts'
import { ProfileStore } from '../../../src/endpoints/profiles/profile-store.ts'
import { buildEndpoints } from '../../../src/endpoints/registry/build.ts'
import { familiesFile, profilesFolder } from '../../../src/kernel/package.ts'
import { ModelAliases } from '../../../src/routing/models/aliases.ts'
import { ModelDirectory } from '../../../src/routing/models/directory.ts'
import { FamilyTable } from '../../../src/routing/models/family-table.ts'
import { createRegistry } from '../../support/registry.ts'

export const families = new FamilyTable(parse(readFileSync(familiesFile, 'utf8')))
export const seenMs = Date.parse('2026-11-24T10:00:00Z')

/** One model on three types of endpoints, and one with an organization in its name. */
export function listedModels() {
  const config = parseConfig({
    discovery: {
      static: {
        endpoints: [
          { name: 'box', url: 'http://box', type: 'ollama' },
          { name: 'desk', url: 'http://desk', type: 'lm-studio' },
          { name: 'gpu', url: 'http://gpu', type: 'vllm' },
        ],
      },
    },
  })
  const profiles = new ProfileStore({ builtIn: profilesFolder })
  const endpoints = buildEndpoints(config.discovery.static.endpoints, {
    profile: (type) => profiles.get(type),
    proxy: sectionOptions('proxy', config.proxy),
  })
  const catalog = new ModelCatalog()
  const [box, desk, gpu] = endpoints
  if (box === undefined || desk === undefined || gpu === undefined) throw new Error('no endpoints')
  const llama = {
    name: 'llama3.2:3b',
    family: 'llama',
    parameterSize: '3.2B',
    quantization: 'Q4_K_M',
    format: 'gguf',
    digest: 'sha256:a80c4f17acd5',
    sizeBytes: 2_019_393_189,
    state: 'loaded' as const,
    raw: { modified_at: '2026-11-01T00:00:00Z' },
  }
  catalog.update(box, [llama], seenMs)
  catalog.update(
    desk,
    [{ name: 'llama3.2:3b', type: 'llm', publisher: 'meta', state: 'not-loaded', raw: {} }],
    seenMs + 1,
  )
  catalog.update(
    gpu,
    [{ name: 'Qwen/Qwen2.5-VL-7B-Instruct', contextLength: 128_000, raw: { owned_by: 'vllm' } }],
    seenMs + 2,
  )
  const { registry } = createRegistry(endpoints)
  return new ModelDirectory(registry, catalog, families, new ModelAliases({})).models()
}
