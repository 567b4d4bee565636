import type { NameQuery } from '../store/contract.ts'
import type { Page } from './operations.ts'

/**
 * One page of records from the configuration and the store, in the order of their names.
 * @param stored returns that many records of the store, after the query's `after`
 */
export async function pageOf<T extends { readonly name: string }>(
  configured: readonly T[],
  { after, limit }: NameQuery,
  stored: (limit: number) => Promise<readonly T[]>,
): Promise<Page<T>> {
  const own = configured.filter(({ name }) => after === undefined || name > after)
  const names = new Set(configured.map(({ name }) => name))
  // The configuration has precedence over a record of the same name.
  const others = (await stored(limit + 1 + names.size)).filter(({ name }) => !names.has(name))
  const all = [...own, ...others].sort((a, b) => (a.name < b.name ? -1 : 1))
  const items = all.slice(0, limit)
  return { items, next: all.length > limit ? items.at(-1)?.name : undefined }
}
