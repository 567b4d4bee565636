/** The routes of API keys, teams and their use. */
import { getJson, internalUrl, request } from './http.ts'
import type {
  CallerFields,
  KeyPage,
  KeyRow,
  LimitsPage,
  NewKey,
  OwnerPage,
  OwnerRow,
  TeamPage,
  TeamRow,
  UsagePage,
} from './types.ts'

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

/** Kinds of groups of keys; their routes are alike. */
export type GroupKind = 'team' | 'owner'

export const readTeams = (signal?: AbortSignal) =>
  getJson<TeamPage>(internalUrl('admin/teams?limit=1000'), signal)

/** A page of teams or owners. */
export async function readGroups(
  kind: GroupKind,
  search: string,
  after: string | undefined,
  signal?: AbortSignal,
): Promise<{ readonly groups: readonly (TeamRow | OwnerRow)[]; readonly next: string | null }> {
  const url = internalUrl(`admin/${kind}s`)
  if (search.trim() !== '') url.searchParams.set('search', search.trim())
  if (after !== undefined) url.searchParams.set('after', after)
  url.searchParams.set('limit', String(keysPerPage))
  const page = await getJson<TeamPage | OwnerPage>(url, signal)
  return { groups: 'teams' in page ? page.teams : page.owners, next: page.next }
}

const groupPath = (kind: GroupKind, name: string) => `admin/${kind}s/${encodeURIComponent(name)}`

export const readGroup = (kind: GroupKind, name: string, signal?: AbortSignal) =>
  getJson<TeamRow | OwnerRow>(internalUrl(groupPath(kind, name)), signal)

export const createGroup = (kind: GroupKind, fields: CallerFields) =>
  change<TeamRow | OwnerRow>('POST', `admin/${kind}s`, fields)

export const changeGroup = (kind: GroupKind, name: string, fields: CallerFields) =>
  change<TeamRow | OwnerRow>('PATCH', groupPath(kind, name), fields)

export const deleteGroup = (kind: GroupKind, name: string) =>
  change<TeamRow | OwnerRow>('DELETE', groupPath(kind, name))

export interface LimitsQuery {
  readonly kind?: 'key' | GroupKind | undefined
  /** Only these: IDs of keys, names of owners and teams. */
  readonly subjects?: readonly string[]
  readonly search?: string
  /** `share`, `refused` or `name`. */
  readonly sort?: string
  readonly isNear?: boolean
  readonly isRefused?: boolean
  readonly after?: string | undefined
  readonly limit?: number
}

/** From this share on, a subject is near its limit. */
export const nearShare = 0.8

export const readLimits = (query: LimitsQuery, signal?: AbortSignal) =>
  getJson<LimitsPage>(limitsUrl(query), signal)

/** Address of what is used of limits, also for export. */
export function limitsUrl(query: LimitsQuery & { readonly format?: 'csv' }): URL {
  const url = internalUrl('admin/limits')
  const { kind, subjects = [], search = '', sort, isNear, isRefused, after, limit, format } = query
  const values = {
    kind,
    search: search.trim() === '' ? undefined : search.trim(),
    sort,
    min_share: isNear ? String(nearShare) : undefined,
    refused: isRefused ? 'true' : undefined,
    after,
    limit: limit === undefined ? undefined : String(limit),
    format,
  }
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined) url.searchParams.set(name, value)
  }
  for (const subject of subjects) url.searchParams.append('subject', subject)
  return url
}

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
