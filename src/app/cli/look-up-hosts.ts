import { lookup } from 'node:dns/promises'
import { hostname, networkInterfaces } from 'node:os'
import { findTwins } from '../../config/checks/endpoint-list.ts'
import { parseHttpUrl } from '../../config/checks/endpoint-rules.ts'
import { needsLookUp, plainHost } from '../../config/checks/own-addresses.ts'
import { findSelf } from '../../config/checks/self-endpoint.ts'
import type { LoadedConfig } from '../../config/load.ts'
import { ConfigError, formatDiagnostic } from '../../config/schema/diagnostics.ts'

/** Names that do not resolve within this time are resolved on first use. */
const lookUpMs = 1_000

type LookUp = (host: string) => Promise<readonly string[]>

/**
 * Resolves the host names of endpoints, to find endpoints that are this gateway, or one server under two names.
 * @throws ConfigError
 */
export async function checkHosts(loaded: LoadedConfig, lookUp: LookUp = addresses): Promise<LoadedConfig> {
  const { config, locate } = loaded
  const { endpoints } = config.discovery.static
  const hosts = [config.server.host, ...endpoints.map(({ url }) => parseHttpUrl(url)?.hostname ?? '')]
  const names = new Set(hosts.filter((host) => host !== '' && needsLookUp(host)).map(plainHost))
  if (names.size === 0) return loaded
  const resolved = await resolveAll([...names], lookUp)
  const machine = { interfaces: networkInterfaces(), name: hostname(), resolved }
  const errors = findSelf(config, machine)
  if (errors.length > 0) throw new ConfigError(errors.map(locate))
  const known = new Set(loaded.warnings.map(formatDiagnostic))
  const found = findTwins(endpoints, machine).map(locate)
  return {
    ...loaded,
    warnings: [...loaded.warnings, ...found.filter((each) => !known.has(formatDiagnostic(each)))],
  }
}

async function resolveAll(names: readonly string[], lookUp: LookUp): Promise<Map<string, readonly string[]>> {
  const resolved = new Map<string, readonly string[]>()
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, lookUpMs)
  })
  const all = names.map(async (name) => {
    const found = await lookUp(name).catch(() => [])
    resolved.set(name, found)
  })
  await Promise.race([Promise.all(all), late])
  clearTimeout(timer)
  return new Map(resolved)
}

async function addresses(host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true })
  return found.map(({ address }) => address)
}
