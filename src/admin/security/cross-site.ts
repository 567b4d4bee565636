import { bearerOf } from './internal-access.ts'

/** Headers in which a browser reports the origin of a request. */
export interface RequestOrigin {
  readonly secFetchSite: string | undefined
  readonly origin: string | undefined
  readonly host: string | undefined
}

/**
 * Whether a request may come from a page of another site. Browsers report this in `Sec-Fetch-Site`, on plain HTTP only
 * in `Origin`; programs send neither and are no risk.
 */
export function isCrossSite({ secFetchSite, origin, host }: RequestOrigin): boolean {
  if (secFetchSite !== undefined) return secFetchSite !== 'same-origin' && secFetchSite !== 'none'
  if (origin === undefined) return false
  return host === undefined || originHost(origin) !== host.trim().toLowerCase()
}

/**
 * Whether a page of another site tries to read an answer or to hold a stream open. Following a link from that site is
 * the visitor's choice and reveals nothing to the linking page.
 * @param secFetchMode `navigate` for a link
 */
export function isForeignRead(origin: RequestOrigin, secFetchMode: string | undefined): boolean {
  return secFetchMode !== 'navigate' && isCrossSite(origin)
}

/**
 * Whether the sender intended a request that changes something: it carries a header that another site's form or image
 * cannot set, and it does not come from another site's script either.
 * @param marker value of `X-Olla-Gateway`
 */
export function isDeliberate(
  origin: RequestOrigin,
  proof: { readonly marker: string | undefined; readonly authorization: string | undefined },
): boolean {
  const isMarked = proof.marker !== undefined || bearerOf(proof.authorization) !== undefined
  return isMarked && !isCrossSite(origin)
}

/** `Origin: null` (a sandboxed frame, a file) has no host. */
function originHost(origin: string): string | undefined {
  try {
    return new URL(origin).host
  } catch {
    return undefined
  }
}
