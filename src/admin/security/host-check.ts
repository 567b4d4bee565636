import type { IncomingHttpHeaders } from 'node:http'
import { isIpLiteral, normalName, readHost } from '../../http/host-name.ts'
import { isPublicHost } from '../../http/public-host.ts'
import { Remembered } from '../../kernel/remembered.ts'
import { isOriginOfHost } from './origins.ts'

/** What is looked at of a request. */
export interface BrowserRequest {
  readonly method: string
  readonly httpVersion: string
  readonly headers: IncomingHttpHeaders
  /** Address of the connection; undefined on a socket that has none. */
  readonly peer: string | undefined
  /** The listener's own port, and whether only this machine reaches it. */
  readonly port: number | undefined
  readonly isLoopbackOnly: boolean
}

export interface HostCheckOptions {
  /** Names of the gateway besides those that no public DNS has; `*` stands for any. */
  readonly allowedHosts: readonly string[]
  /** The machine's own name. */
  readonly machineName: string
}

/**
 * Recognises DNS rebinding: a page whose own name has been led to this machine. Its browser connects directly and names
 * that host with the listener's port, which no script can change. Reverse proxies on this machine pass foreign names on
 * as well, and must not be taken for such a page.
 */
export class HostCheck {
  readonly #names: ReadonlySet<string>
  readonly #known = new Remembered<boolean>(256, 255)

  constructor({ allowedHosts, machineName }: HostCheckOptions) {
    this.#names = new Set([...allowedHosts, machineName].map(normalName))
  }

  /** Whether a name cannot be a rebound one: it is an address, a name that only private networks have, or allowed. */
  isKnown(host: string | undefined): boolean {
    // What is no host at all is refused for that.
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
    // A page may write forwarding headers itself, but it cannot leave out the port.
    if (isLoopbackOnly && !isForwarded(headers)) return false
    return !isDirect || !mayBePage(request)
  }
}

/**
 * What a page that was led here cannot send: HTTP/1.0, header names that are forbidden to scripts (Fetch standard,
 * "forbidden request-header"), an origin behind TLS, which the gateway does not speak.
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

/** Browsers name the origin of all requests but GET and HEAD. */
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
