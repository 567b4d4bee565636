/** The routes that change endpoints, the configuration and what providers have found. */
import { ApiError } from './api-error.ts'
import { getJson, internalUrl, readUrl, request, send } from './http.ts'
import type { DiscoveryView, EndpointChange, ManagedEndpoint, ReloadStatus, ReloadView } from './types.ts'

/** Keys of an endpoint as in the configuration file; null returns one to its default. */
export type EndpointFields = Readonly<Record<string, unknown>>

export type EndpointAction = 'drain' | 'undrain' | 'probe' | 'refresh' | 'reset-circuit'

/** A header that a form of another page cannot set. */
const deliberate = { 'X-Olla-Gateway': '1' }

const pathOf = (name: string) => `admin/endpoints/${encodeURIComponent(name)}`

/** An endpoint's settings, and the version of the configuration that they are of. */
export async function readManagedEndpoint(
  name: string,
): Promise<{ readonly endpoint: ManagedEndpoint; readonly version: string }> {
  const response = await request(internalUrl(pathOf(name)))
  return {
    endpoint: (await response.json()) as ManagedEndpoint,
    version: response.headers.get('etag') ?? '*',
  }
}

export async function actOnEndpoint(name: string, action: EndpointAction): Promise<void> {
  await request(internalUrl(`${pathOf(name)}/${action}`), { method: 'POST', headers: deliberate })
}

export interface EndpointOrder {
  /** Undefined adds one. */
  readonly name: string | undefined
  readonly fields: EndpointFields
  /** The change applies only to this version of the configuration. */
  readonly version: string
  readonly isDryRun: boolean
}

/** Adds or changes an endpoint, or only compares. */
export function orderEndpoint({ name, fields, version, isDryRun }: EndpointOrder): Promise<EndpointChange> {
  const url = internalUrl(name === undefined ? 'admin/endpoints' : pathOf(name))
  return order(url, name === undefined ? 'POST' : 'PATCH', { fields, version, isDryRun })
}

/** Removes an endpoint, or returns it to what its configuration says. */
export function endEndpoint(
  name: string,
  how: 'remove' | 'reset',
  { isDryRun = false }: { isDryRun?: boolean } = {},
): Promise<EndpointChange> {
  const url = internalUrl(how === 'remove' ? pathOf(name) : `${pathOf(name)}/reset`)
  return order(url, how === 'remove' ? 'DELETE' : 'POST', { isDryRun })
}

async function order(
  url: URL,
  method: string,
  { fields, version, isDryRun }: { fields?: EndpointFields; version?: string; isDryRun: boolean },
): Promise<EndpointChange> {
  if (isDryRun) url.searchParams.set('dry_run', 'true')
  const response = await request(url, {
    method,
    headers: {
      ...deliberate,
      ...(version === undefined ? {} : { 'If-Match': version }),
      ...(fields === undefined ? {} : { 'Content-Type': 'application/json' }),
    },
    ...(fields === undefined ? {} : { body: JSON.stringify(fields) }),
  })
  return (await response.json()) as EndpointChange
}

export const readReload = (signal?: AbortSignal) => getJson<ReloadStatus>(readUrl('admin/reload'), signal)

/** Loads the configuration again, or only compares; a refused file is an answer too. */
export async function reloadConfig(isDryRun: boolean): Promise<ReloadView> {
  const url = internalUrl('admin/reload')
  if (isDryRun) url.searchParams.set('dry_run', 'true')
  const response = await send(url, { method: 'POST', headers: deliberate })
  if (response.ok || response.status === 422) return (await response.json()) as ReloadView
  const text = await response.text()
  throw new ApiError('failed', response.status, text.slice(0, 300))
}

export const readDiscovery = (signal?: AbortSignal) =>
  getJson<DiscoveryView>(readUrl('admin/discovery'), signal)

export async function decideFound(name: string, decision: 'approve' | 'reject'): Promise<void> {
  const url = internalUrl(`admin/discovery/${encodeURIComponent(name)}/${decision}`)
  await request(url, { method: 'POST', headers: deliberate })
}

export async function refreshDiscovery(): Promise<void> {
  await request(internalUrl('admin/discovery/refresh'), { method: 'POST', headers: deliberate })
}
