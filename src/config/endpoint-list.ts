import type { KeyPath, Problem } from './diagnostics.ts'
import { parseHttpUrl } from './endpoint-rules.ts'
import type { EndpointConfig } from './schema.ts'

/** What the gateway serves of the endpoints that a file lists, and what its author should know about it. */
export interface SettledEndpoints {
  readonly endpoints: EndpointConfig[]
  readonly problems: Problem[]
}

/**
 * Settles what endpoints have between them: one URL or one name twice, one server under two addresses; and URLs that
 * hold what requests bring themselves. All of it starts in Olla, so all of it is a warning.
 * @param listed every URL is an http or https URL
 */
export function settleEndpoints(listed: readonly EndpointConfig[]): SettledEndpoints {
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
    const neighbour = byServer.get(serverOf(url))
    if (twin !== undefined && twin !== name) {
      warn('url', `endpoint "${twin}" has this URL too; both are served, as if they were two servers`)
    } else if (twin === undefined && neighbour !== undefined) {
      warn(
        'url',
        `is the same server as endpoint "${neighbour}": limits count twice, and failover stays on one machine`,
      )
    }
    kept.set(name, { ...endpoint, name })
    byUrl.set(address, name)
    byServer.set(serverOf(url), name)
  }
  return { endpoints: [...kept.values()], problems }
}

function freeName(name: string, taken: ReadonlyMap<string, unknown>): string {
  let number = 2
  while (taken.has(`${name}-${number}`)) number++
  return `${name}-${number}`
}

const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\]|\[::ffff:7f[0-9a-f:]*\])$/

/** One text for all addresses of a server on this machine. */
function serverOf({ hostname, port, protocol, pathname }: URL): string {
  const host = loopback.test(hostname.replace(/\.$/, '')) ? 'localhost' : hostname
  return `${host}:${port || protocol}${pathname.replace(/\/+$/, '')}`
}

/** Operations that requests name themselves, after `/v1`; and those of Ollama. */
const operation = /(?<=\/v1)\/(?:chat\/completions|completions|embeddings|messages|models|responses)\/*$/
const ollamaOperation = /\/api\/(?:chat|embed|embeddings|generate|ps|show|tags|version)\/*$/

/**
 * A base URL is often copied with the path of an API: `http://host/v1`, or even `…/v1/chat/completions`. Requests
 * bring these themselves.
 */
function withoutApiPath(endpoint: EndpointConfig, warn: (message: string) => void): EndpointConfig {
  const url = parseHttpUrl(endpoint.url)
  if (url === undefined) return endpoint
  const given = url.pathname
  let path = given.replace(operation, '').replace(ollamaOperation, '/api')
  // Where the path is kept, `/v1` and what follows it are joined without repeating it.
  const isWhole = !endpoint.preserve_path && /^\/+(?:v1|api)\/*$/.test(path)
  if (isWhole && (path.includes('v1') || endpoint.type !== 'auto')) path = '/'
  if (path === given && url.hash === '') return endpoint
  if (path !== given) warn(`ends in ${given}, which requests bring themselves; ${url.origin}${path} is used`)
  if (url.hash !== '') warn('a fragment (#…) is never sent to a server; it is ignored')
  return { ...endpoint, url: `${url.origin}${path}${url.search}` }
}
