import ipaddr from 'ipaddr.js'
import type { KeyPath, Problem } from '../schema/diagnostics.ts'
import type { EndpointConfig } from '../schema/schema.ts'
import { parseHttpUrl } from './endpoint-rules.ts'
import { addressesOf, isOfMachine, type Machine, plainHost } from './own-addresses.ts'
import { portOf } from './self-endpoint.ts'

/** The listed endpoints that the gateway serves, and warnings for the author of the file. */
export interface SettledEndpoints {
  readonly endpoints: EndpointConfig[]
  readonly problems: Problem[]
}

/**
 * Resolves conflicts between endpoints: a repeated URL or name, one server under two addresses, and URLs that include
 * the path of an API. Olla starts with all of these, so each is a warning.
 * @param listed every URL is an http or https URL
 */
export function settleEndpoints(
  listed: readonly EndpointConfig[],
  machine: Machine = unknownMachine,
): SettledEndpoints {
  const problems: Problem[] = []
  const kept = new Map<string, EndpointConfig>()
  const byUrl = new Map<string, string>()
  const byServer = new Map<string, string>()
  for (const [index, each] of listed.entries()) {
    const warn = (key: string, message: string) => {
      const path: KeyPath = ['discovery', 'static', 'endpoints', index, key]
      problems.push({ severity: 'warning', path, message })
    }
    const endpoint = withoutApiPath(each, (message) => warn('url', message))
    const url = parseHttpUrl(endpoint.url)
    if (url === undefined) continue
    const given = endpoint.name ?? url.host
    const key = endpoint.name === undefined ? 'url' : 'name'
    const address = `${url.origin}${url.pathname.replace(/\/+$/, '')}${url.search}`
    const namesake = kept.get(given)
    const isSame = namesake !== undefined && byUrl.get(address) === given
    let name = given
    if (isSame) {
      warn(key, `an earlier endpoint has this name and URL; this one replaces it`)
      kept.delete(given)
    } else if (namesake !== undefined) {
      name = freeName(given, kept)
      warn(key, `an earlier endpoint has this name; this one is called "${name}"`)
    }
    const twin = byUrl.get(address)
    const servers = serversOf(url, machine)
    const neighbour = servers.map((server) => byServer.get(server)).find(isName)
    if (twin !== undefined && twin !== name) {
      warn('url', `endpoint "${twin}" has this URL too; both are served, as if they were two servers`)
    } else if (twin === undefined && neighbour !== undefined) {
      warn('url', twinMessage(neighbour))
    }
    kept.set(name, { ...endpoint, name })
    byUrl.set(address, name)
    for (const server of servers) byServer.set(server, name)
  }
  return { endpoints: [...kept.values()], problems }
}

/** Finds endpoints that are the same server under different names and addresses. */
export function findTwins(endpoints: readonly EndpointConfig[], machine: Machine): Problem[] {
  const byServer = new Map<string, string>()
  const urls = new Set<string>()
  return endpoints.flatMap(({ url: text, name = text }, index): Problem[] => {
    const url = parseHttpUrl(text)
    if (url === undefined || urls.has(text)) return []
    urls.add(text)
    const servers = serversOf(url, machine)
    const neighbour = servers.map((server) => byServer.get(server)).find(isName)
    for (const server of servers) byServer.set(server, name)
    if (neighbour === undefined) return []
    const path: KeyPath = ['discovery', 'static', 'endpoints', index, 'url']
    return [{ severity: 'warning', path, message: twinMessage(neighbour) }]
  })
}

function twinMessage(neighbour: string): string {
  return `is the same server as endpoint "${neighbour}": limits count twice, and failover stays on one machine`
}

function isName(name: string | undefined): name is string {
  return name !== undefined
}

function freeName(name: string, taken: ReadonlyMap<string, unknown>): string {
  let number = 2
  while (taken.has(`${name}-${number}`)) number++
  return `${name}-${number}`
}

/** Used for a host application: only the loopback interface is known. */
const unknownMachine: Machine = { interfaces: {}, name: '' }

/** The addresses of a server; all addresses of this machine become the same text. */
function serversOf(url: URL, machine: Machine): readonly string[] {
  const addresses = addressesOf(url.hostname, machine)
  const hosts = addresses.length === 0 ? [plainHost(url.hostname)] : addresses
  const place = `:${portOf(url)}${url.pathname.replace(/\/+$/, '')}`
  const own = hosts.map((host) => (ipaddr.isValid(host) && isOfMachine(host, machine) ? 'localhost' : host))
  return [...new Set(own)].map((host) => `${host}${place}`)
}

/** OpenAI operations after `/v1` that requests include themselves; `ollamaOperation` matches Ollama's. */
const operation = /(?<=\/v1)\/(?:chat\/completions|completions|embeddings|messages|models|responses)\/*$/
const ollamaOperation = /\/api\/(?:chat|embed|embeddings|generate|ps|show|tags|version)\/*$/

/**
 * Removes the path of an API, with which base URLs are often copied: `http://host/v1` or even `…/v1/chat/completions`.
 * Requests include that path themselves.
 */
function withoutApiPath(endpoint: EndpointConfig, warn: (message: string) => void): EndpointConfig {
  const url = parseHttpUrl(endpoint.url)
  if (url === undefined) return endpoint
  const given = url.pathname
  let path = given.replace(operation, '').replace(ollamaOperation, '/api')
  // If the path is preserved, `/v1` and the request's path are joined without a repetition.
  const isWhole = !endpoint.preserve_path && /^\/+(?:v1|api)\/*$/.test(path)
  if (isWhole && (path.includes('v1') || endpoint.type !== 'auto')) path = '/'
  if (path === given && url.hash === '') return endpoint
  if (path !== given) warn(`ends in ${given}, which requests already include; ${url.origin}${path} is used`)
  if (url.hash !== '') warn('a fragment (#…) is never sent to a server; it is ignored')
  return { ...endpoint, url: `${url.origin}${path}${url.search}` }
}
