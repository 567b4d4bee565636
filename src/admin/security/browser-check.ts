import type { IncomingHttpHeaders } from 'node:http'
import { shownValue } from '../../http/host-name.ts'
import { type BrowserRequest, HostCheck, type HostCheckOptions } from './host-check.ts'
import { isLocalOrigin, isOriginOfHost, type OriginList } from './origins.ts'

export interface BrowserCheckOptions extends HostCheckOptions {
  /** Whose pages may ask, and read the answers; undefined where CORS is not configured. */
  readonly corsOrigins: OriginList | undefined
}

/** `reads`: the page may read the answer, so it gets CORS headers. */
export type BrowserDecision =
  | { readonly allowed: true; readonly reads: boolean }
  | { readonly allowed: false; readonly message: string }

/**
 * Whether a request may come from the page that sent it. Any page may have its visitor's browser send simple requests
 * to this machine, and under a name of its own that leads here it could read the answers (DNS rebinding). Inference
 * servers look for both themselves, but behind a gateway they see the gateway's `Host`.
 */
export class BrowserCheck {
  readonly #corsOrigins: OriginList | undefined
  readonly #hosts: HostCheck

  constructor(options: BrowserCheckOptions) {
    this.#corsOrigins = options.corsOrigins
    this.#hosts = new HostCheck(options)
  }

  /** Whether nothing about a request needs a closer look: no page has sent it, and the name is the gateway's. */
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
              message: `The gateway is not known as "${shownValue(host)}". Add the name to server.allowed_hosts, or set server.browser_check to false.`,
            }
      case 'local':
        return this.#corsOrigins === undefined || this.#mayRead(origin) ? reader : ownPage
      case 'foreign':
        return this.#mayRead(origin)
          ? reader
          : {
              allowed: false,
              message: `Pages of ${shownValue(origin ?? 'other sites')} may not use this gateway. Enable server.cors with the origin among its allowed_origins, or set server.browser_check to false.`,
            }
    }
  }

  #mayRead(origin: string | undefined): boolean {
    return origin !== undefined && this.#corsOrigins?.has(origin) === true
  }
}

const ownPage: BrowserDecision = { allowed: true, reads: false }
const reader: BrowserDecision = { allowed: true, reads: true }

/** `own` also stands for programs, which name no origin. */
type Source = 'own' | 'local' | 'foreign'

/** Browsers send `Sec-Fetch-Site` to this machine and over TLS, and `Origin` with whatever is not GET or HEAD. */
function sourceOf({ method, headers }: BrowserRequest): Source {
  const { origin, host } = headers
  const site = headers['sec-fetch-site']
  if (origin === undefined) {
    if (site === undefined || site === 'same-origin' || site === 'none') return 'own'
    return isLink(headers) && isRead(method) ? 'own' : 'foreign'
  }
  if (site === 'same-origin' || isOriginOfHost(origin, host)) return 'own'
  // A cross-site request cannot carry this field unless a preflight was answered, so a proxy has set it.
  const forwardedHost = headers['x-forwarded-host']
  if (typeof forwardedHost === 'string' && isOriginOfHost(origin, forwardedHost.split(',', 1)[0]))
    return 'own'
  if (isLocalOrigin(origin)) return 'local'
  // An extension that its user has given access to this host.
  return site === 'none' && /^[a-z]+-extension:/.test(origin) ? 'own' : 'foreign'
}

/** A link shows nothing to the page that has it, and its visitor sees where it leads, unlike with a frame. */
function isLink(headers: IncomingHttpHeaders): boolean {
  const dest = headers['sec-fetch-dest']
  return headers['sec-fetch-mode'] === 'navigate' && (dest === undefined || dest === 'document')
}

function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD'
}
