/** API keys, teams and their use, loaded while a view shows them. */
import { computed, effect, signal } from '@preact/signals'
import { type KeyFilter, readKeys, readTeams, readUsage, type UsageGroup } from '../api/caller-api.ts'
import type { UsageRow } from '../api/types.ts'
import { periodStarts, type UsePeriods } from '../state/limit-use.ts'
import { gatewayNow } from './clock.ts'
import { features, live } from './gateway.ts'
import { createResource } from './resource.ts'

const isHidden = () => document.hidden

export const keySearch = signal('')
export const keyOwner = signal('')
export const keyTeam = signal('')
/** `true`, `false`, or empty for all. */
export const keyEnabled = signal('')
/** Where the shown page of keys and those before it start; the first page is not in it. */
export const keyPages = signal<readonly string[]>([])

export const keyList = createResource({
  load: (abort) => readKeys(keyFilter(), keyPages.peek().at(-1), abort),
  everyMs: 15_000,
  gapMs: 400,
  isHidden,
})

export const teamList = createResource({ load: readTeams, everyMs: 15_000, isHidden })

/** Use in the last hours, the day and the month, for the limits of keys and teams. */
export const keyUse = createResource({ load: (abort) => readUse('key', abort), everyMs: 30_000, isHidden })
export const teamUse = createResource({ load: (abort) => readUse('team', abort), everyMs: 30_000, isHidden })

export const useOf = (use: UseByName | undefined, name: string): UsePeriods => ({
  hours: use?.hours.get(name),
  day: use?.day.get(name),
  month: use?.month.get(name),
})

export interface UseByName {
  readonly hours: ReadonlyMap<string, UsageRow>
  readonly day: ReadonlyMap<string, UsageRow>
  readonly month: ReadonlyMap<string, UsageRow>
}

/** Keys by their ID, teams by their name; the answer cannot have more rows. */
const maxRows = 10_000
const nothing: UseByName = { hours: new Map(), day: new Map(), month: new Map() }

async function readUse(by: UsageGroup, abort: AbortSignal): Promise<UseByName> {
  if (features.peek()?.usage !== true) return nothing
  const { hours, day, month } = periodStarts(gatewayNow())
  const [ofHours, ofDay, ofMonth] = await Promise.all(
    [hours, day, month].map((since) => readUsage({ since, by, limit: maxRows }, abort)),
  )
  const nameOf = (row: UsageRow) => (by === 'key' ? row.key_id : row.team) ?? ''
  return {
    hours: new Map(ofHours?.usage.map((row) => [nameOf(row), row])),
    day: new Map(ofDay?.usage.map((row) => [nameOf(row), row])),
    month: new Map(ofMonth?.usage.map((row) => [nameOf(row), row])),
  }
}

function keyFilter(): KeyFilter {
  return {
    search: keySearch.peek(),
    owner: keyOwner.peek(),
    team: keyTeam.peek(),
    enabled: keyEnabled.peek(),
  }
}

/** Another filter starts at the first page. */
effect(() => {
  for (const each of [keySearch, keyOwner, keyTeam, keyEnabled]) each.value
  keyPages.value = []
  keyList.refresh()
})

const lastChange = computed(() => live.value.events.findLast(({ type }) => type === 'callers.changed')?.id)

/** A change by another page, a command or a host is visible at once. */
lastChange.subscribe(() => {
  keyList.refresh()
  teamList.refresh()
})

export function showKeyPage(pages: readonly string[]): void {
  keyPages.value = pages
  keyList.reload()
}

/** After a change of the page itself. */
export function reloadCallers(): void {
  keyList.reload()
  teamList.reload()
}
