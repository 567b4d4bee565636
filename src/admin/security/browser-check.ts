import type { IncomingHttpHeaders } from 'node:http'
import { shownValue } from '../../http/host-name.ts'
import { type BrowserRequest, HostCheck, type HostCheckOptions } from './host-check.ts'
import { isLocalOrigin, isOriginOfHost, type OriginList } from './origins.ts'

export interface BrowserCheckOptions extends HostCheckOptions {
  /** Origins whose pages may send requests and read the answers; undefined if CORS is not configured. */
  readonly corsOrigins: OriginList | undefined
}

/** `reads`: the page may read the answer, so it gets CORS headers. */
export type BrowserDecision =
  | { readonly allowed: true; readonly reads: boolean }
  | { readonly allowed: false; readonly message: string }

/**
 * Decides whether a request may come from the page that sent it. Any page can make its visitor's browser send simple
 * requests to this machine, and with a host name of its own that resolves to this machine it could read the answers
 * (DNS rebinding). Inference servers check for both themselves, but behind a gateway they see the gateway's `Host`.
 */
export class BrowserCheck {
  readonly #corsOrigins: OriginList | undefined
  readonly #hosts: HostCheck

  constructor(options: BrowserCheckOptions) {
    this.#corsOrigins = options.corsOrigins
    this.#hosts = new HostCheck(options)
  }

  /** Fast path: no page sent the request, and the host is known. */
  isPlain(headers: IncomingHttpHeaders): boolean {
    return (
      headers.origin === undefined &&
      headers['sec-fetch-site'] === undefined &&
      this.#hosts.isKnown(headers.host)
    )
  }

  decide(request: BrowserRequest): BrowserDecision {
    const { origin, host } = request.headers
    switch (sourceOf(request)) {
      case 'own':
        return this.#hosts.accepts(request)
          ? ownPage
          : {
              allowed: false,
              message: `The host name "${shownValue(host)}" is not allowed. Add it to server.allowed_hosts, or set server.browser_check to false.`,
            }
      case 'local':
        return this.#corsOrigins === undefined || this.#mayRead(origin) ? reader : ownPage
      case 'foreign':
        return this.#mayRead(origin)
          ? reader
          : {
              allowed: false,
              message: `Pages of ${shownValue(origin ?? 'other sites')} are not allowed to use this gateway. Enable server.cors with the origin among its allowed_origins, or set server.browser_check to false.`,
            }
    }
  }

  #mayRead(origin: string | undefined): boolean {
    return origin !== undefined && this.#corsOrigins?.has(origin) === true
  }
}

const ownPage: BrowserDecision = { allowed: true, reads: false }
const reader: BrowserDecision = { allowed: true, reads: true }

/** `own` includes programs, which send no origin. */
type Source = 'own' | 'local' | 'foreign'

/** Browsers send `Sec-Fetch-Site` to this machine and over TLS, and `Origin` with every method except GET and HEAD. */
function sourceOf({ method, headers }: BrowserRequest): Source {
  const { origin, host } = headers
  const site = headers['sec-fetch-site']
  if (origin === undefined) {
    if (site === undefined || site === 'same-origin' || site === 'none') return 'own'
    return isLink(headers) && isRead(method) ? 'own' : 'foreign'
  }
  if (site === 'same-origin' || isOriginOfHost(origin, host)) return 'own'
  // A cross-site request cannot carry this field without an answered preflight, so a proxy has set it.
  const forwardedHost = headers['x-forwarded-host']
  if (typeof forwardedHost === 'string' && isOriginOfHost(origin, forwardedHost.split(',', 1)[0]))
    return 'own'
  if (isLocalOrigin(origin)) return 'local'
  // An extension to which its user has granted access to this host.
  return site === 'none' && /^[a-z]+-extension:/.test(origin) ? 'own' : 'foreign'
}

/** A link reveals nothing to the linking page, and unlike with a frame, its visitor sees where it leads. */
function isLink(headers: IncomingHttpHeaders): boolean {
  const dest = headers['sec-fetch-dest']
  return headers['sec-fetch-mode'] === 'navigate' && (dest === undefined || dest === 'document')
}

function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD'
}
