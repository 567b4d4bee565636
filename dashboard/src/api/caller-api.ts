/** The routes of API keys, teams and their use. */
import { getJson, internalUrl, request } from './http.ts'
import type { CallerFields, KeyPage, KeyRow, NewKey, TeamPage, TeamRow, UsagePage } from './types.ts'

export interface KeyFilter {
  readonly search: string
  readonly owner: string
  readonly team: string
  /** `true`, `false`, or empty for all. */
  readonly enabled: string
}

export type UsageGroup = 'key' | 'owner' | 'team' | 'model' | 'endpoint'

export interface UsageQuery {
  /** RFC 3339. */
  readonly since: string
  readonly by?: UsageGroup
  readonly interval?: 'hour' | 'day'
  readonly filter?: { readonly [Group in UsageGroup]?: string }
  readonly format?: 'csv'
  readonly limit?: number
}

/** Rows of a page of keys. */
export const keysPerPage = 100

export function readKeys(filter: KeyFilter, after: string | undefined, signal?: AbortSignal) {
  const url = internalUrl('admin/keys')
  for (const [name, value] of Object.entries(filter)) {
    if (value.trim() !== '') url.searchParams.set(name, value.trim())
  }
  if (after !== undefined) url.searchParams.set('after', after)
  url.searchParams.set('limit', String(keysPerPage))
  return getJson<KeyPage>(url, signal)
}

export const readKey = (key: string, signal?: AbortSignal) =>
  getJson<KeyRow>(internalUrl(`admin/keys/${encodeURIComponent(key)}`), signal)

export const createKey = (fields: CallerFields) => change<NewKey>('POST', 'admin/keys', fields)

export const changeKey = (id: string, fields: CallerFields) =>
  change<KeyRow>('PATCH', `admin/keys/${encodeURIComponent(id)}`, fields)

export const revokeKey = (id: string) => change<KeyRow>('DELETE', `admin/keys/${encodeURIComponent(id)}`)

export const rotateKey = (id: string, overlapSeconds: number) =>
  change<NewKey>('POST', `admin/keys/${encodeURIComponent(id)}/rotate`, { overlap_seconds: overlapSeconds })

export const readTeams = (signal?: AbortSignal) =>
  getJson<TeamPage>(internalUrl('admin/teams?limit=1000'), signal)

export const createTeam = (fields: CallerFields) => change<TeamRow>('POST', 'admin/teams', fields)

export const changeTeam = (name: string, fields: CallerFields) =>
  change<TeamRow>('PATCH', `admin/teams/${encodeURIComponent(name)}`, fields)

export const deleteTeam = (name: string) =>
  change<TeamRow>('DELETE', `admin/teams/${encodeURIComponent(name)}`)

export const readUsage = (query: UsageQuery, signal?: AbortSignal) =>
  getJson<UsagePage>(usageUrl(query), signal)

/** Address of what callers have used, also for export. */
export function usageUrl({ filter = {}, limit, ...query }: UsageQuery): URL {
  const url = internalUrl('admin/usage')
  for (const [name, value] of Object.entries({ ...query, ...filter })) {
    if (value !== undefined) url.searchParams.set(name, value)
  }
  if (limit !== undefined) url.searchParams.set('limit', String(limit))
  return url
}

async function change<T>(
  method: 'POST' | 'PATCH' | 'DELETE',
  path: string,
  body?: Readonly<Record<string, unknown>> | CallerFields,
): Promise<T> {
  const response = await request(internalUrl(path), {
    method,
    headers: {
      // A header that a form of another page cannot set.
      'X-Olla-Gateway': '1',
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return (await response.json()) as T
}
