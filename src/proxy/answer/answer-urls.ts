import type { Endpoint } from '../../endpoints/registry/endpoint.ts'
import { headerValue } from '../../http/headers/header-value.ts'
import { isPublicHost } from '../../http/public-host.ts'

/** The request whose answer contains the URLs. */
export interface UrlScope {
  readonly endpoint: Pick<Endpoint, 'origin' | 'basePath' | 'preservePath'>
  /** Path requested from the endpoint, without its base path. */
  readonly path: string
  /** Path that the client requested, without its route prefix. */
  readonly clientPath: string
  /** Path, query and headers of the client's request to the gateway: an endpoint may build URLs from its `Host`. */
  readonly client: { readonly url: string; readonly rawHeaders: readonly string[] }
}

/**
 * Rewrites a URL of an endpoint so that the client can follow it: through the gateway, below the prefix of the request.
 * URLs of other public hosts stay as they are.
 * @returns undefined if the URL leads to an address behind the gateway, which clients need not know, is no web address,
 *   or contains credentials
 */
export function clientUrl(value: string, scope: UrlScope): string | undefined {
  const url = resolve(value, scope)
  if (url === undefined) return undefined
  // A URN is a name, not an address.
  if (url.protocol === 'urn:') return value
  if (!isWeb(url)) return undefined
  const path = ownPath(url, scope)
  if (path !== undefined) return mountOf(scope, path) + path + url.search + url.hash
  return isPublicHost(url.hostname) && url.hostname !== hostOf(scope.endpoint.origin).hostname
    ? value
    : undefined
}

/** Rewrites the targets of a `Link` header (RFC 8288 section 3) as `clientUrl` does; undefined if none is left. */
export function clientLinks(value: string, scope: UrlScope): string | undefined {
  const links: string[] = []
  for (const [, target = '', parameters = ''] of value.matchAll(/<([^<>]*)>([^<]*)/g)) {
    const url = clientUrl(target, scope)
    if (url !== undefined) links.push(`<${url}>${parameters.replace(/[\s,]+$/, '')}`)
  }
  return links.length === 0 ? undefined : links.join(', ')
}

/**
 * The request to make when an endpoint redirects to itself.
 * @returns path, without its base path, and query; undefined if it redirects elsewhere
 */
export function redirectTarget(
  value: string,
  scope: UrlScope,
): { readonly path: string; readonly query: string } | undefined {
  const url = resolve(value, scope)
  const path = url === undefined ? undefined : ownPath(url, scope)
  return url === undefined || path === undefined ? undefined : { path, query: url.search }
}

function isWeb({ protocol, username, password }: URL): boolean {
  return (protocol === 'http:' || protocol === 'https:') && username === '' && password === ''
}

function resolve(value: string, { endpoint, path }: UrlScope): URL | undefined {
  const base = endpoint.preservePath ? endpoint.basePath : ''
  const at = `${endpoint.origin}${base}${path}`
  return URL.canParse(value, at) ? new URL(value, at) : undefined
}

/** The path of a URL at the endpoint, without its base path; undefined if it is not there. */
function ownPath(url: URL, { endpoint, client }: UrlScope): string | undefined {
  const isOwn =
    url.host === hostOf(endpoint.origin).host ||
    url.host === headerValue(client.rawHeaders, 'host')?.toLowerCase()
  if (!isOwn || url.username !== '' || url.password !== '') return undefined
  const { pathname } = url
  if (!endpoint.preservePath || endpoint.basePath === '') return pathname
  if (!pathname.startsWith(`${endpoint.basePath}/`)) return undefined
  return pathname.slice(endpoint.basePath.length)
}

/** The route prefix through which the gateway serves a path of the endpoint. */
function mountOf({ client, clientPath }: UrlScope, target: string): string {
  const [requestPath = ''] = client.url.split(/[?#]/, 1)
  const mount = requestPath.endsWith(clientPath)
    ? requestPath.slice(0, requestPath.length - clientPath.length)
    : ''
  const isAtRoot = !mount.includes('/olla/')
  if (!isAtRoot && !mount.endsWith('/olla/anthropic')) return mount
  if (isAtRoot && /^\/(?:v1|api)\//.test(target)) return mount
  return `${mount.replace(/\/olla\/anthropic$/, '')}/olla/proxy`
}

function hostOf(origin: string): { readonly host: string; readonly hostname: string } {
  return new URL(origin)
}
