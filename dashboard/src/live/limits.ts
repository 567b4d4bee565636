/** Callers that are near a limit, and those that limits have refused. */
import { effect, signal } from '@preact/signals'
import { type LimitsQuery, readLimits } from '../api/caller-api.ts'
import { createResource } from './resource.ts'

export const limitSearch = signal('')
/** `key`, `owner`, `team`, or empty for all. */
export const limitKind = signal('')
/** `near` a limit, `refused`, or empty for all. */
export const limitFilter = signal('')
/** Where the shown page and those before it start; the first page is not in it. */
export const limitStarts = signal<readonly string[]>([])

const rowsPerPage = 100

export function limitsShown(): LimitsQuery {
  const kind = limitKind.peek()
  const filter = limitFilter.peek()
  return {
    kind: kind === 'key' || kind === 'owner' || kind === 'team' ? kind : undefined,
    search: limitSearch.peek(),
    isNear: filter === 'near',
    isRefused: filter === 'refused',
    sort: filter === 'refused' ? 'refused' : 'share',
  }
}

export const limitList = createResource({
  load: (abort) =>
    readLimits({ ...limitsShown(), after: limitStarts.peek().at(-1), limit: rowsPerPage }, abort),
  everyMs: 10_000,
  gapMs: 400,
  isHidden: () => document.hidden,
})

/** Another filter starts at the first page. */
effect(() => {
  for (const each of [limitSearch, limitKind, limitFilter]) each.value
  limitStarts.value = []
  limitList.refresh()
})

export function showLimitPage(starts: readonly string[]): void {
  limitStarts.value = starts
  limitList.reload()
}
