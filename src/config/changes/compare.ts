import { isDeepStrictEqual } from 'node:util'
import { isRecord } from '../file/decode.ts'
import { encodeConfig } from '../print.ts'
import type { EndpointConfig, GatewayConfig } from '../schema/schema.ts'
import { isLiveKey } from './live-keys.ts'

/** A key whose value differs between two configurations. */
export interface KeyChange {
  /** Dotted; an endpoint is in brackets by its name: `discovery.static.endpoints[gpu-1].weight`. */
  readonly key: string
  readonly path: readonly string[]
  /** As in the file, secrets masked; undefined if there is none. */
  readonly before: unknown
  readonly after: unknown
  /** Whether it is applied while the gateway runs. */
  readonly isLive: boolean
}

/** Compares section by section; a list is one value, except the list of endpoints. */
export function compareConfigs(before: GatewayConfig, after: GatewayConfig): KeyChange[] {
  const changes: KeyChange[] = []
  const shown = [encodeConfig(before), encodeConfig(after)] as const
  compare(withEndpointsByName(before), withEndpointsByName(after), byNameIn(shown[0]), byNameIn(shown[1]), [])
  return changes

  function compare(
    one: unknown,
    other: unknown,
    oneShown: unknown,
    otherShown: unknown,
    path: readonly string[],
  ): void {
    if (isDeepStrictEqual(one, other)) return
    if (isRecord(one) && isRecord(other)) {
      for (const key of new Set([...Object.keys(one), ...Object.keys(other)])) {
        compare(one[key], other[key], member(oneShown, key), member(otherShown, key), [...path, key])
      }
      return
    }
    const key = nameOf(path)
    changes.push({ key, path, before: oneShown, after: otherShown, isLive: isLiveKey(key, before, after) })
  }
}

/** The next configuration, with the present values of the keys that need a restart. */
export function withoutRestartKeys(
  before: GatewayConfig,
  after: GatewayConfig,
  changes: readonly KeyChange[],
): GatewayConfig {
  let config: GatewayConfig = after
  // Keys of endpoints are live, so that no other path leads through a list.
  for (const { path } of changes.filter(({ isLive }) => !isLive)) {
    const copied = withValue(config, valueAt(before, path), path)
    if (isConfig(copied)) config = copied
  }
  return config
}

/** A copy of a configuration is one. */
function isConfig(value: unknown): value is GatewayConfig {
  return isRecord(value)
}

const listPath = ['discovery', 'static', 'endpoints'] as const

function withEndpointsByName(config: GatewayConfig): unknown {
  const { endpoints } = config.discovery.static
  return withValue(config, byName(endpoints), listPath)
}

function byName(endpoints: readonly Pick<EndpointConfig, 'name' | 'url'>[]): Record<string, unknown> {
  return Object.fromEntries(endpoints.map((endpoint) => [endpoint.name ?? endpoint.url, endpoint]))
}

function byNameIn(shown: Record<string, unknown>): unknown {
  const endpoints = valueAt(shown, listPath)
  if (!Array.isArray(endpoints)) return shown
  const named = endpoints.filter(isRecord).map((each) => [String(each.name ?? each.url), each] as const)
  return withValue(shown, Object.fromEntries(named), listPath)
}

function nameOf(path: readonly string[]): string {
  const isOfEndpoint = listPath.every((key, at) => path[at] === key) && path.length > listPath.length
  if (!isOfEndpoint) return path.join('.')
  const [name = '', ...rest] = path.slice(listPath.length)
  return [`${listPath.join('.')}[${name}]`, ...rest].join('.')
}

function member(value: unknown, key: string): unknown {
  return isRecord(value) ? value[key] : undefined
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce(member, value)
}

function withValue(value: unknown, replacement: unknown, path: readonly string[]): unknown {
  const [key, ...rest] = path
  if (key === undefined) return replacement
  const record = isRecord(value) ? value : {}
  const { [key]: known, ...others } = record
  const changed = withValue(known, replacement, rest)
  return changed === undefined ? others : { ...record, [key]: changed }
}
