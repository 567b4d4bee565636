import { bearerOf } from './internal-access.ts'

/** What a browser says of where a request comes from. */
export interface RequestOrigin {
  readonly secFetchSite: string | undefined
  readonly origin: string | undefined
  readonly host: string | undefined
}

/**
 * Whether a request may come from a page of another site. Browsers say it in `Sec-Fetch-Site`, on plain HTTP
 * only in `Origin`; programs send neither and are no risk.
 */
export function isCrossSite({ secFetchSite, origin, host }: RequestOrigin): boolean {
  if (secFetchSite !== undefined) return secFetchSite !== 'same-origin' && secFetchSite !== 'none'
  if (origin === undefined) return false
  return host === undefined || originHost(origin) !== host.trim().toLowerCase()
}

/**
 * Whether a page of another site wants to read or to hold a stream open. Following a link from there is the
 * visitor's own doing, and shows nothing to the page that has it.
 * @param secFetchMode `navigate` for a link
 */
export function isForeignRead(origin: RequestOrigin, secFetchMode: string | undefined): boolean {
  return secFetchMode !== 'navigate' && isCrossSite(origin)
}

/**
 * Whether a request that changes something was meant by who sends it: it carries a header that another site's
 * form or image cannot set, and it does not come from another site's script either.
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
