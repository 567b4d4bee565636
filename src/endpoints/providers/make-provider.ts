import { existsSync, readFileSync } from 'node:fs'
import { EndpointSchema } from '../../config/schema/discovery-schema.ts'
import type { ProviderConfig } from '../../config/schema/providers-schema.ts'
import type { Clock } from '../../kernel/clock.ts'
import { expandTargets } from '../../kernel/host-patterns.ts'
import { matchesGlob } from '../../kernel/names/glob.ts'
import { apiClient } from './contract/api-client.ts'
import type { FoundEndpoint, Provider } from './contract/contract.ts'
import { DnsProvider, nameServer } from './dns-provider.ts'
import { DockerProvider } from './docker/docker-provider.ts'
import { FileProvider } from './file-provider.ts'
import { KubernetesProvider } from './kubernetes/kubernetes-provider.ts'
import type { ProviderRules } from './live-views.ts'
import { MdnsProvider } from './mdns/mdns-provider.ts'
import { openMulticast } from './mdns/multicast-socket.ts'
import { ScanProvider } from './scan-provider.ts'

export interface ProviderServices {
  readonly clock: Clock
  /** Whether an inference server answers at a base URL. Must not reject. */
  readonly probe: (baseUrl: string) => Promise<boolean>
  readonly env: Readonly<Record<string, string | undefined>>
}

const endpointKeys: ReadonlySet<string> = new Set(Object.keys(EndpointSchema.properties))
const lookUpMs = 2_000

export function makeProvider(config: ProviderConfig, services: ProviderServices): Provider {
  const { clock, env } = services
  const { interval: intervalMs, scheme } = config
  switch (config.type) {
    case 'file':
      return new FileProvider({ path: config.path, keys: endpointKeys, intervalMs, clock })
    case 'dns': {
      const { names, record, port, servers } = config
      const server = nameServer(servers, lookUpMs)
      return new DnsProvider({ names, record, port, scheme, intervalMs, server, clock })
    }
    case 'kubernetes': {
      const { ca_file: caFile, token_file: tokenFile, service, selector, port, port_name: portName } = config
      const origin = config.api_server === '' ? clusterOrigin(env) : config.api_server.replace(/\/+$/, '')
      return new KubernetesProvider({
        api: apiClient({
          origin,
          caFile: existsSync(caFile) ? caFile : undefined,
          tokenFile,
        }),
        namespace: config.namespace === '' ? ownNamespace() : config.namespace,
        service: service === '' ? undefined : service,
        selector,
        port: portName !== '' ? portName : port === 0 ? undefined : String(port),
        scheme,
        clock,
      })
    }
    case 'docker':
      return new DockerProvider({
        api: apiClient({ origin: 'http://localhost', socketPath: config.socket }),
        network: config.network,
        clock,
      })
    case 'mdns': {
      const { services: types, txt_key: txtKey, interface: address, in_container: inContainer } = config
      return new MdnsProvider({
        services: types,
        txtKey,
        intervalMs,
        clock,
        async open(listener) {
          if (!inContainer && isContainer(env)) throw Object.assign(new Error(), { code: 'in a container' })
          return openMulticast(listener, address === '' ? {} : { interface: address, bind: '0.0.0.0' })
        },
      })
    }
    case 'scan': {
      const { concurrency, hosts } = config
      return new ScanProvider({
        targets: expandTargets(hosts),
        scheme,
        intervalMs,
        concurrency,
        probe: services.probe,
        clock,
      })
    }
  }
}

export function rulesOf(config: ProviderConfig): ProviderRules {
  return {
    name: config.name ?? config.type,
    kind: config.type,
    removeAfterMs: config.type === 'dns' ? config.remove_after : 0,
    keepForMs: config.keep_for,
    maxEndpoints: config.max_endpoints,
    approves: (endpoint) =>
      !config.require_approval ||
      textsOf(endpoint).some((text) => config.approve.some((glob) => matchesGlob(glob, text))),
  }
}

/** What rules of approval are compared with. */
function textsOf({ name, url, labels }: FoundEndpoint): string[] {
  return [name, url, ...Object.entries(labels).map(([key, value]) => `${key}=${value}`)]
}

function clusterOrigin(env: ProviderServices['env']): string {
  const { KUBERNETES_SERVICE_HOST: host = 'kubernetes.default.svc', KUBERNETES_SERVICE_PORT: port = '443' } =
    env
  return `https://${host.includes(':') ? `[${host}]` : host}:${port}`
}

function ownNamespace(): string {
  try {
    return readFileSync('/var/run/secrets/kubernetes.io/serviceaccount/namespace', 'utf8').trim()
  } catch {
    return 'default'
  }
}

function isContainer(env: ProviderServices['env']): boolean {
  return (
    existsSync('/.dockerenv') || existsSync('/run/.containerenv') || env.KUBERNETES_SERVICE_HOST !== undefined
  )
}
