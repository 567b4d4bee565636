import type { FoundEndpoint } from '../contract/contract.ts'
import { labelSettings } from '../contract/labels.ts'

/** The fields of an EndpointSlice (discovery.k8s.io/v1) that the provider reads. */
export interface EndpointSlice {
  readonly metadata: {
    readonly name: string
    readonly namespace: string
    readonly resourceVersion: string
    readonly labels: Readonly<Record<string, string>>
    readonly annotations: Readonly<Record<string, string>>
  }
  readonly addressType: string
  readonly endpoints: readonly {
    readonly addresses: readonly string[]
    readonly conditions: {
      readonly ready: boolean | undefined
      readonly serving: boolean | undefined
      readonly terminating: boolean | undefined
    }
    readonly targetName: string | undefined
  }[]
  readonly ports: readonly { readonly name: string; readonly port: number | undefined }[]
}

export interface SliceRules {
  /** Name or number of the port; undefined for the first. */
  readonly port: string | undefined
  readonly scheme: 'http' | 'https'
}

/** Labels and annotations that set keys of an endpoint begin so: `olla-gateway.io/type`, `…/weight`, `…/tags`. */
export const settingPrefix = 'olla-gateway.io/'

/**
 * Endpoints of slices: one for each address and port, in order of slice and address. Without conditions an endpoint is
 * ready; a terminating one is not (Kubernetes: `ready` and `serving` default to true, `terminating` to false).
 */
export function endpointsOfSlices(slices: Iterable<EndpointSlice>, rules: SliceRules): FoundEndpoint[] {
  const found = new Map<string, FoundEndpoint>()
  for (const slice of slices) {
    if (slice.addressType === 'FQDN') continue
    const port = portOf(slice, rules.port)
    if (port === undefined) continue
    const { namespace, labels, annotations } = slice.metadata
    const service = labels['kubernetes.io/service-name'] ?? ''
    const settings = settingsOf({ ...labels, ...annotations })
    for (const { addresses, conditions, targetName } of slice.endpoints) {
      // Clients may use any address of an endpoint, which are of one server; the first is enough.
      const [address] = addresses
      if (address === undefined || address === '') continue
      const host = address.includes(':') ? `[${address}]` : address
      const isReady =
        conditions.ready !== false && conditions.serving !== false && conditions.terminating !== true
      const url = `${rules.scheme}://${host}:${port}`
      const present = found.get(url)
      // A slice that is being replaced and its successor may both have an endpoint for a while.
      if (present !== undefined && (present.isReady || !isReady)) continue
      found.set(url, {
        url,
        name: targetName ?? `${service === '' ? namespace : service}-${address}`,
        settings,
        labels: { ...labels, namespace, service },
        isReady,
      })
    }
  }
  return [...found.values()]
}

function portOf({ ports }: EndpointSlice, wanted: string | undefined): number | undefined {
  if (wanted === undefined) return ports[0]?.port
  return ports.find(({ name, port }) => name === wanted || String(port) === wanted)?.port
}

function settingsOf(texts: Readonly<Record<string, string>>): Record<string, unknown> {
  const own: Record<string, string> = {}
  for (const [key, value] of Object.entries(texts)) {
    if (key.startsWith(settingPrefix)) own[key.slice(settingPrefix.length)] = value
  }
  try {
    return labelSettings(own, (key) => `${settingPrefix}${key}`)
  } catch {
    // One wrong label of a team must not take its servers out of service.
    return {}
  }
}
