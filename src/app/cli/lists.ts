import { isRecord } from '../../config/file/decode.ts'
import { UsageError } from './arguments.ts'
import { type GatewayClient, GatewayClientError } from './gateway-client.ts'

/** Options that filter the limits of several subjects. */
export interface LimitsFilter {
  readonly owner?: string | undefined
  readonly team?: string | undefined
  readonly search?: string | undefined
  /** A whole percentage. */
  readonly near?: string | undefined
  readonly refused?: boolean | undefined
}

const limitsRoute = '/internal/admin/limits'

/** The items of all pages of a list. @param member of a page that holds its items */
export async function listAll(
  client: GatewayClient,
  route: string,
  member: string,
  filter: Readonly<Record<string, unknown>>,
): Promise<unknown[]> {
  const items: unknown[] = []
  let after: string | undefined
  do {
    const given = Object.entries({ ...filter, after }).filter(([, value]) => value !== undefined)
    const query = new URLSearchParams(Object.fromEntries(given.map(([name, value]) => [name, String(value)])))
    const page = await client.get(`${route}?${query}`)
    const found = isRecord(page) ? page[member] : undefined
    if (!isRecord(page) || !Array.isArray(found))
      throw new GatewayClientError('unexpected', 'this is not a gateway')
    items.push(...found)
    after = typeof page.next === 'string' ? page.next : undefined
  } while (after !== undefined)
  return items
}

/** Subjects with limits, and how much of these is used. @param kind undefined for all kinds @throws UsageError */
export function listLimits(
  client: GatewayClient,
  kind: string | undefined,
  { owner, team, search, near, refused }: LimitsFilter,
): Promise<unknown[]> {
  if (near !== undefined && !/^(?:100|[0-9]{1,2})$/.test(near))
    throw new UsageError(`--near is a whole percentage, not ${near}`)
  const minShare = near === undefined ? undefined : Number(near) / 100
  const isRefused = refused === true ? true : undefined
  const query = { kind, owner, team, search, min_share: minShare, refused: isRefused }
  return listAll(client, limitsRoute, 'subjects', query)
}

/** How much of the limits of one subject is used. */
export async function usedOf(client: GatewayClient, kind: string, id: string): Promise<unknown[]> {
  const query = new URLSearchParams({ kind, subject: id })
  const page = await client.get(`${limitsRoute}?${query}`)
  const subjects = isRecord(page) && Array.isArray(page.subjects) ? page.subjects.filter(isRecord) : []
  const limits = subjects.find((each) => each.id === id)?.limits
  return Array.isArray(limits) ? limits : []
}
