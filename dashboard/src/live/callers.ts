/** API keys, teams, owners and their use, loaded while a view shows them. */
import { computed, effect, type Signal, signal } from '@preact/signals'
import {
  type GroupKind,
  type KeyFilter,
  keysPerPage,
  readGroups,
  readKeys,
  readLimits,
  readTeams,
  readUsage,
} from '../api/caller-api.ts'
import type { KeyRow, OwnerRow, SubjectLimits, TeamRow, UsageRow } from '../api/types.ts'
import { gatewayNow } from './clock.ts'
import { features, live } from './gateway.ts'
import { createResource, type Resource } from './resource.ts'

const isHidden = () => document.hidden

/** Rows of one page, with what is used of their limits and what they have used today. */
export interface CallerPage<Row> {
  readonly rows: readonly Row[]
  readonly next: string | null
  /** By the ID of a key, or the name. */
  readonly limits: ReadonlyMap<string, SubjectLimits>
  /** Undefined if the gateway does not count it. */
  readonly today: ReadonlyMap<string, UsageRow> | undefined
}

/** A list, a page at a time. */
export interface CallerList<Row> {
  readonly page: Resource<CallerPage<Row>>
  /** Where the shown page and those before it start; the first page is not in it. */
  readonly starts: Signal<readonly string[]>
  showPage(starts: readonly string[]): void
}

export const keySearch = signal('')
export const keyOwner = signal('')
export const keyTeam = signal('')
/** `true`, `false`, or empty for all. */
export const keyEnabled = signal('')
export const groupSearch: Readonly<Record<GroupKind, Signal<string>>> = {
  team: signal(''),
  owner: signal(''),
}

export const keyList = callerList<KeyRow>({
  kind: 'key',
  filters: [keySearch, keyOwner, keyTeam, keyEnabled],
  idOf: ({ id }) => id,
  async read(after, abort) {
    const { keys, next } = await readKeys(keyFilter(), after, abort)
    return { rows: keys, next }
  },
})

export const groupLists: Readonly<Record<GroupKind, CallerList<TeamRow | OwnerRow>>> = {
  team: groupList('team'),
  owner: groupList('owner'),
}

/** For fields that offer teams. */
export const teamList = createResource({ load: readTeams, everyMs: 60_000, isHidden })

function groupList(kind: GroupKind): CallerList<TeamRow | OwnerRow> {
  return callerList({
    kind,
    filters: [groupSearch[kind]],
    idOf: ({ name }) => name,
    async read(after, abort) {
      const { groups, next } = await readGroups(kind, groupSearch[kind].peek(), after, abort)
      return { rows: groups, next }
    },
  })
}

interface ListOptions<Row> {
  readonly kind: 'key' | GroupKind
  /** Another value starts at the first page. */
  readonly filters: readonly Signal<string>[]
  readonly idOf: (row: Row) => string
  readonly read: (
    after: string | undefined,
    abort: AbortSignal,
  ) => Promise<{ readonly rows: readonly Row[]; readonly next: string | null }>
}

function callerList<Row>({ kind, filters, idOf, read }: ListOptions<Row>): CallerList<Row> {
  const starts = signal<readonly string[]>([])
  const page = createResource<CallerPage<Row>>({
    async load(abort) {
      const { rows, next } = await read(starts.peek().at(-1), abort)
      const ids = rows.map(idOf)
      const [limits, today] = await Promise.all([limitsOf(kind, ids, abort), usedToday(kind, abort)])
      return { rows, next, limits, today }
    },
    everyMs: 15_000,
    gapMs: 400,
    isHidden,
  })
  effect(() => {
    for (const each of filters) each.value
    starts.value = []
    page.refresh()
  })
  return {
    page,
    starts,
    showPage(shown) {
      starts.value = shown
      page.reload()
    },
  }
}

/** What is used of the limits of some subjects. */
export async function limitsOf(
  kind: 'key' | GroupKind,
  ids: readonly string[],
  abort?: AbortSignal,
): Promise<ReadonlyMap<string, SubjectLimits>> {
  const pages = await Promise.all(
    addressable(ids).map((subjects) =>
      readLimits({ kind, subjects, sort: 'name', limit: keysPerPage }, abort),
    ),
  )
  return new Map(pages.flatMap((page) => page.subjects.map((subject) => [subject.id, subject] as const)))
}

/** Servers refuse longer addresses. */
const maxAddressLength = 6_000

/** Groups of names that fit into one address each. */
function addressable(ids: readonly string[]): string[][] {
  const groups: string[][] = []
  let length = maxAddressLength
  for (const id of ids) {
    const added = encodeURIComponent(id).length + '&subject='.length
    length += added
    if (length > maxAddressLength) {
      groups.push([])
      length = added
    }
    groups.at(-1)?.push(id)
  }
  return groups
}

/** The answer cannot have more rows. */
const maxRows = 10_000

/** Use since the start of the day, UTC, by the ID of a key or the name. */
async function usedToday(
  kind: 'key' | GroupKind,
  abort: AbortSignal,
): Promise<ReadonlyMap<string, UsageRow> | undefined> {
  if (features.peek()?.usage !== true) return undefined
  const { usage } = await readUsage({ since: dayStart(), by: kind, limit: maxRows }, abort)
  return new Map(usage.map((row) => [(kind === 'key' ? row.key_id : row[kind]) ?? '', row]))
}

/** Use of one subject since the start of the day and of the month, UTC. */
export async function readPeriods(kind: 'key' | GroupKind, id: string, abort: AbortSignal) {
  if (features.peek()?.usage !== true) return undefined
  const day = dayStart()
  const sum = async (since: string) => (await readUsage({ since, filter: { [kind]: id } }, abort)).total
  const [ofDay, ofMonth] = await Promise.all([sum(day), sum(`${day.slice(0, 8)}01`)])
  return { day: ofDay, month: ofMonth }
}

const dayStart = () => new Date(gatewayNow()).toISOString().slice(0, 10)

function keyFilter(): KeyFilter {
  return {
    search: keySearch.peek(),
    owner: keyOwner.peek(),
    team: keyTeam.peek(),
    enabled: keyEnabled.peek(),
  }
}

const lastChange = computed(() => live.value.events.findLast(({ type }) => type === 'callers.changed')?.id)

/** A change by another page, a command or a host is visible at once. */
lastChange.subscribe(() => {
  for (const resource of [keyList.page, groupLists.team.page, groupLists.owner.page, teamList])
    resource.refresh()
})

/** After a change of the page itself. */
export function reloadCallers(): void {
  for (const resource of [keyList.page, groupLists.team.page, groupLists.owner.page, teamList])
    resource.reload()
}
