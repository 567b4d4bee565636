import { type Static, Type } from '@sinclair/typebox'

const Text = Type.String()

export const VersionSchema = Type.Object({
  name: Text,
  version: Text,
  edition: Text,
  description: Text,
  api: Type.Object({ version: Text, endpoints: Type.Record(Type.String(), Text) }),
  links: Type.Object({ documentation: Text, homepage: Text, releases: Text }),
  build: Type.Object({ commit: Text, date: Text, go_version: Text, node_version: Text, platform: Text }),
  capabilities: Type.Array(Text),
  capabilities_experimental: Type.Array(Text),
  supported_backends: Type.Array(Text),
})

export type VersionView = Static<typeof VersionSchema>

/** Build information, if the builder provided it. */
export interface Build {
  readonly commit?: string | undefined
  /** RFC 3339. */
  readonly date?: string | undefined
}

/** Olla's names for shared capabilities, and our own for the rest. */
const capabilities = [
  'load_balancing',
  'health_checking',
  'rate_limiting',
  'model_unification',
  'endpoint_discovery',
  'message_translation',
  'translation_anthropic',
  'passthrough_anthropic',
  'circuit_breaking',
  'failover',
] as const

/** Backends that Olla spells with an underscore, in this answer only. */
const backendSpellings: ReadonlyMap<string, string> = new Map([
  ['lm-studio', 'lm_studio'],
  ['openai-compatible', 'openai_compatible'],
])

const packagePage = 'https://www.npmjs.com/package/olla-gateway'

/**
 * `/version`.
 * @param profiles names of the backend profiles in force
 */
export function versionView(version: string, profiles: readonly string[], build: Build = {}): VersionView {
  return {
    name: 'olla-gateway',
    version,
    edition: 'Community',
    description:
      'Gateway and load balancer for self-hosted LLM inference servers, wire-compatible with Olla.',
    api: {
      version: 'v1',
      endpoints: {
        health: '/internal/health',
        metrics: '/internal/metrics',
        process: '/internal/process',
        ready: '/internal/ready',
        status: '/internal/status',
        version: '/version',
      },
    },
    links: {
      documentation: `${packagePage}#readme`,
      homepage: packagePage,
      releases: `${packagePage}?activeTab=versions`,
    },
    build: {
      commit: build.commit ?? 'none',
      date: build.date ?? 'unknown',
      go_version: `node ${process.version}`,
      node_version: process.version,
      platform: `${process.platform}/${process.arch}`,
    },
    capabilities: [...capabilities],
    capabilities_experimental: [],
    supported_backends: profiles.map((name) => backendSpellings.get(name) ?? name),
  }
}
