import type { IncomingHttpHeaders } from 'node:http'
import { isIpLiteral, normalName, readHost } from '../../http/host-name.ts'
import { isPublicHost } from '../../http/public-host.ts'
import { Remembered } from '../../kernel/remembered.ts'
import { isOriginOfHost } from './origins.ts'

/** The parts of a request that the check uses. */
export interface BrowserRequest {
  readonly method: string
  readonly httpVersion: string
  readonly headers: IncomingHttpHeaders
  /** Address of the connection; undefined on a socket without one. */
  readonly peer: string | undefined
  /** The listener's own port, and whether only this machine can reach it. */
  readonly port: number | undefined
  readonly isLoopbackOnly: boolean
}

export interface HostCheckOptions {
  /** Host names of the gateway besides those that public DNS cannot have; `*` matches any. */
  readonly allowedHosts: readonly string[]
  /** The machine's own name. */
  readonly machineName: string
}

/**
 * Detects DNS rebinding: a page whose host name was made to resolve to this machine. Its browser connects directly and
 * sends that host with the listener's port, which no script can change. Reverse proxies on this machine also forward
 * foreign host names, and must not be mistaken for such a page.
 */
export class HostCheck {
  readonly #names: ReadonlySet<string>
  readonly #known = new Remembered<boolean>(256, 255)

  constructor({ allowedHosts, machineName }: HostCheckOptions) {
    this.#names = new Set([...allowedHosts, machineName].map(normalName))
  }

  /** Whether a host cannot be a rebound one: it is an address, a name that only private networks have, or allowed. */
  isKnown(host: string | undefined): boolean {
    // An invalid host is refused for that reason elsewhere.
    if (host === undefined) return true
    const found = this.#known.get(host)
    if (found !== undefined) return found
    const read = readHost(host)
    const isKnown =
      read === undefined ||
      isIpLiteral(read.name) ||
      this.#names.has('*') ||
      this.#names.has(read.name) ||
      !isPublicHost(read.name)
    this.#known.set(host, isKnown)
    return isKnown
  }

  /** @param request of a page of the gateway's own origin, or of a program */
  accepts(request: BrowserRequest): boolean {
    const { headers, peer, port, isLoopbackOnly } = request
    const { host, origin } = headers
    if (this.isKnown(host) || isOfProxy(request)) return true
    const isDirect = (readHost(host ?? '')?.port ?? 80) === port
    if (!isLoopback(peer)) return !isDirect || origin === undefined
    // A page can set forwarding headers itself, but it cannot omit the port.
    if (isLoopbackOnly && !isForwarded(headers)) return false
    return !isDirect || !mayBePage(request)
  }
}

/**
 * Detects what a rebound page cannot send: HTTP/1.0, header names that are forbidden to scripts (Fetch standard,
 * "forbidden request-header"), or an origin with TLS, which the gateway does not serve.
 */
function isOfProxy({ httpVersion, headers }: BrowserRequest): boolean {
  const { origin, host, via } = headers
  if (httpVersion === '1.0' || via !== undefined || headers['proxy-connection'] !== undefined) return true
  return origin?.startsWith('https://') === true && isOriginOfHost(origin, host)
}

function isForwarded(headers: IncomingHttpHeaders): boolean {
  return (
    headers['x-forwarded-for'] !== undefined ||
    headers.forwarded !== undefined ||
    headers['x-real-ip'] !== undefined ||
    headers['x-forwarded-host'] !== undefined ||
    headers['x-forwarded-proto'] !== undefined
  )
}

/** Browsers send the origin with every method except GET and HEAD. */
function mayBePage({ method, headers }: BrowserRequest): boolean {
  if (headers.origin !== undefined) return true
  if (method !== 'GET' && method !== 'HEAD') return false
  return (
    headers.referer !== undefined ||
    headers['accept-language'] !== undefined ||
    headers['user-agent']?.startsWith('Mozilla/') === true
  )
}

function isLoopback(peer: string | undefined): boolean {
  return peer !== undefined && /^(?:::ffff:)?127\.|^::1$/.test(peer)
}
