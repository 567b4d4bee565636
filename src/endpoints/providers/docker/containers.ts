import type { FoundEndpoint } from '../contract/contract.ts'
import { isObject, isText } from '../contract/json-values.ts'
import { labelSettings } from '../contract/labels.ts'

/** Labels of a container that the provider reads begin so. `olla-gateway.enable=true` makes it an endpoint. */
const prefix = 'olla-gateway.'

export interface ContainerRules {
  /** Docker network whose address is used; empty: the label `olla-gateway.network`, or the only network. */
  readonly network: string
}

/**
 * Endpoints of containers, from the answer of `GET /containers/json`. A container with several networks and no chosen one
 * uses the first by name, so that its address does not alternate. One that is starting or unhealthy is not ready.
 */
export function endpointsOfContainers(list: unknown, rules: ContainerRules): FoundEndpoint[] {
  if (!Array.isArray(list)) throw new SyntaxError('the answer is not a list')
  return list.flatMap((container: unknown) => endpointOf(container, rules) ?? [])
}

function endpointOf(container: unknown, rules: ContainerRules): FoundEndpoint | undefined {
  if (!isObject(container)) return undefined
  const labels = ownLabels(container.Labels)
  if (labels.enable !== 'true') return undefined
  const host = addressOf(container, labels.network ?? rules.network)
  const port = portOf(container, labels.port)
  if (host === undefined || port === undefined) return undefined
  const [first] = Array.isArray(container.Names) ? container.Names.filter(isText) : []
  const url = `${labels.scheme === 'https' ? 'https' : 'http'}://${host}:${port}`
  return {
    url,
    name: labels.name ?? first?.replace(/^\//, '') ?? `${host}:${port}`,
    settings: settingsOf(labels),
    labels,
    isReady: isReady(container),
  }
}

function settingsOf(labels: Readonly<Record<string, string>>): Record<string, unknown> {
  try {
    return labelSettings(labels, (key) => `${prefix}${key}`)
  } catch {
    return {}
  }
}

/** `State` is `running`, `paused`, …; the health is only in the text: `Up 3 seconds (health: starting)`. */
function isReady({ State, Status }: Readonly<Record<string, unknown>>): boolean {
  return State === 'running' && !(isText(Status) && /\((health: starting|unhealthy|Paused)\)/.test(Status))
}

function ownLabels(value: unknown): Record<string, string> {
  const labels: Record<string, string> = {}
  if (!isObject(value)) return labels
  for (const [key, text] of Object.entries(value)) {
    if (key.startsWith(prefix) && isText(text)) labels[key.slice(prefix.length)] = text
  }
  return labels
}

function addressOf(container: Readonly<Record<string, unknown>>, wanted: string): string | undefined {
  const settings = isObject(container.NetworkSettings) ? container.NetworkSettings : {}
  const networks = isObject(settings.Networks) ? settings.Networks : {}
  // Compose puts its project's name before those of networks.
  const names = Object.keys(networks).sort()
  // Podman lists no network for a container that shares the host's, and does not say that it does.
  if (names.length === 0 && wanted === 'host') return '127.0.0.1'
  const name = wanted === '' ? names[0] : names.find((each) => each === wanted || each.endsWith(`_${wanted}`))
  const network = name === undefined ? undefined : networks[name]
  const address = isObject(network) ? network.IPAddress : undefined
  if (isText(address) && address !== '') return address
  return name === 'host' ? '127.0.0.1' : undefined
}

function portOf(
  container: Readonly<Record<string, unknown>>,
  wanted: string | undefined,
): number | undefined {
  if (wanted !== undefined) return /^[0-9]{1,5}$/.test(wanted) ? Number(wanted) : undefined
  const ports = Array.isArray(container.Ports) ? container.Ports.filter(isObject) : []
  const tcp = ports.flatMap(({ PrivatePort, Type }) =>
    Type === 'tcp' && typeof PrivatePort === 'number' ? [PrivatePort] : [],
  )
  return tcp.sort((a, b) => a - b)[0]
}
