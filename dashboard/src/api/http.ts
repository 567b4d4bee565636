/** Requests to the gateway that serves this page, wherever it is mounted. */
import { ApiError, messageOf, type Trouble } from './api-error.ts'

/** The page is `<prefix>/internal/ui/`. */
const internalBase = new URL('../', document.baseURI)
const gatewayBase = new URL('../../', document.baseURI)

/** ID of another replica whose data the page shows, by the page's address; null for the gateway's own. */
export const shownReplica = new URLSearchParams(location.search).get('replica')

const readBase =
  shownReplica === null
    ? internalBase
    : new URL(`cluster/replicas/${encodeURIComponent(shownReplica)}/`, internalBase)

/** @param path below `/internal/` */
export const internalUrl = (path: string) => new URL(path, internalBase)
/** The same for what can be read of another replica. */
export const readUrl = (path: string) => new URL(path, readBase)
/** @param path below the gateway's prefix */
export const gatewayUrl = (path: string) => new URL(path, gatewayBase)

/** @throws ApiError; an abort error is rethrown unchanged */
export async function request(url: URL, init: RequestInit = {}): Promise<Response> {
  const response = await send(url, init)
  if (response.ok) return response
  const text = await response.text().catch(() => '')
  throw new ApiError(troubleOf(response.status), response.status, messageOf(response, text))
}

/**
 * Returns the answer whatever its status.
 * @throws ApiError if there is none; an abort error is rethrown unchanged
 */
export async function send(url: URL, init: RequestInit = {}): Promise<Response> {
  try {
    return await fetch(url, { cache: 'no-cache', credentials: 'same-origin', ...init })
  } catch (error) {
    if (init.signal?.aborted) throw error
    throw new ApiError('unreachable', 0, 'The gateway does not respond.')
  }
}

export async function getJson<T>(url: URL, signal?: AbortSignal): Promise<T> {
  const response = await request(url, signal === undefined ? {} : { signal })
  return (await response.json()) as T
}

function troubleOf(status: number): Trouble {
  if (status === 401) return 'signed_out'
  if (status === 403) return 'refused'
  return status === 404 ? 'not_found' : 'failed'
}
