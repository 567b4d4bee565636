/** Requests to the gateway that serves this page, wherever it is mounted. */
import { ApiError, type Trouble } from './api-error.ts'

/** The page is `<prefix>/internal/ui/`. */
const internalBase = new URL('../', document.baseURI)
const gatewayBase = new URL('../../', document.baseURI)

/** @param path below `/internal/` */
export const internalUrl = (path: string) => new URL(path, internalBase)
/** @param path below the gateway's prefix */
export const gatewayUrl = (path: string) => new URL(path, gatewayBase)

/** @throws ApiError; an abort error is rethrown unchanged */
export async function request(url: URL, init: RequestInit = {}): Promise<Response> {
  let response: Response
  try {
    response = await fetch(url, { cache: 'no-cache', credentials: 'same-origin', ...init })
  } catch (error) {
    if (init.signal?.aborted) throw error
    throw new ApiError('unreachable', 0, 'The gateway does not respond.')
  }
  if (response.ok) return response
  throw new ApiError(troubleOf(response.status), response.status, await messageOf(response))
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

/** The answer's own message, in any format of the gateway's errors. */
async function messageOf(response: Response): Promise<string> {
  const fallback = `The gateway answered ${response.status}.`
  const text = await response.text().catch(() => '')
  if (!response.headers.get('content-type')?.includes('json')) return text.slice(0, 300) || fallback
  try {
    const body: unknown = JSON.parse(text)
    return textOf(field(field(body, 'error'), 'message')) ?? textOf(field(body, 'error')) ?? fallback
  } catch {
    return fallback
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
