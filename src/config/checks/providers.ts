import { expandTargets } from '../../kernel/host-patterns.ts'
import { isRecord } from '../file/decode.ts'
import { type KeyPath, nearest, type Problem } from '../schema/diagnostics.ts'
import { EndpointSchema } from '../schema/discovery-schema.ts'
import { keysOfType, type ProviderConfig } from '../schema/providers-schema.ts'

const endpointKeys: readonly string[] = Object.keys(EndpointSchema.properties).filter(
  (key) => key !== 'url' && key !== 'name',
)

/**
 * Problems of `discovery.providers` that the schema cannot express.
 * @param document as written, to find keys of other types
 */
export function checkProviders(providers: readonly ProviderConfig[], document: unknown): Problem[] {
  const written = writtenProviders(document)
  const names = new Set<string>()
  return providers.flatMap((provider, index) => {
    const problems: Problem[] = []
    const error = (key: string, message: string) =>
      problems.push({ severity: 'error', path: pathOf(index, key), message })
    const name = provider.name ?? provider.type
    if (names.has(name)) error('name', `"${name}" is the name of another provider`)
    names.add(name)
    for (const key of foreignKeys(provider, written[index])) {
      error(key, `is not a key of a provider of type ${provider.type}`)
    }
    for (const key of Object.keys(provider.template)) {
      if (endpointKeys.includes(key)) continue
      const guess = nearest(key, endpointKeys)
      error(
        'template',
        `"${key}" is not a key of an endpoint${guess === undefined ? '' : `, did you mean "${guess}"?`}`,
      )
    }
    for (const [key, message] of missing(provider)) error(key, message)
    return problems
  })
}

function missing(provider: ProviderConfig): [key: string, message: string][] {
  const { type, names, record, port, port_name, scheme, path, hosts, service, selector, services } = provider
  if (type === 'file' && path === '') return [['path', 'is missing']]
  if (type === 'dns') {
    const found: [string, string][] = names.length === 0 ? [['names', 'are missing']] : []
    if (record === 'SRV') {
      if (port !== 0) found.push(['port', 'is in SRV records'])
    } else {
      if (port === 0) found.push(['port', 'is missing'])
      if (scheme === 'https') found.push(['scheme', 'https needs names for certificates: use SRV records'])
    }
    return found
  }
  if (type === 'kubernetes' && service === '' && selector === '') {
    return [['service', 'is missing; or name Services by "selector"']]
  }
  if (type === 'kubernetes' && port !== 0 && port_name !== '') {
    return [['port_name', 'set either "port" or "port_name", not both']]
  }
  if (type === 'mdns' && services.length === 0) return [['services', 'are missing']]
  if (type !== 'scan') return []
  if (hosts.length === 0) return [['hosts', 'are missing']]
  try {
    expandTargets(hosts)
    return []
  } catch (error) {
    return [['hosts', error instanceof RangeError ? error.message : 'are not valid']]
  }
}

function foreignKeys({ type }: ProviderConfig, written: unknown): string[] {
  if (!isRecord(written)) return []
  const special = new Set(Object.values(keysOfType).flat())
  return Object.keys(written).filter((key) => special.has(key) && !keysOfType[type].includes(key))
}

function writtenProviders(document: unknown): readonly unknown[] {
  const discovery = isRecord(document) ? document.discovery : undefined
  const list = isRecord(discovery) ? discovery.providers : undefined
  return Array.isArray(list) ? list : []
}

function pathOf(index: number, key: string): KeyPath {
  return ['discovery', 'providers', index, key]
}
