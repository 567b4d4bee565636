import { formatDuration } from '../../kernel/format.ts'
import type { Style } from './paint.ts'
import type { Screen } from './render.ts'
import { duration, fit, printable } from './text.ts'

/** The displayed fields of `/internal/cluster`. */
export interface ClusterBody {
  readonly timestamp: string
  readonly replica: string
  readonly state: string
  readonly since: string
  readonly reason: string | null
  readonly inexact: readonly string[]
  readonly round_trip_ms: number | null
  readonly members: readonly MemberRow[]
  readonly endpoints: readonly ClusterEndpoint[]
}

interface MemberRow {
  readonly id: string
  readonly version: string
  readonly host: string
  readonly uptime_ms: number
  readonly in_flight: number
  readonly requests: number | null
  readonly round_trip_ms: number | null
  readonly lag_ms: number
  readonly probes: number
}

interface ClusterEndpoint {
  readonly name: string
  readonly probed_by: string | null
  readonly in_flight: number
}

export interface ClusterScreenState {
  readonly url: string
  readonly problem: string | undefined
  /** The last two answers, the newer one first. */
  readonly views: readonly ClusterBody[]
}

/** A heartbeat that is later than this is late: the interval and a usual round trip. */
const lateMs = 1_000
const footer = 'q quit'

/** Renders the replicas and who probes what: exactly `rows` lines. */
export function renderCluster(state: ClusterScreenState, { columns, rows, paint }: Screen): string[] {
  const [view, before] = state.views
  const room = Math.max(0, rows - 1)
  const lines = [...head(state, view, columns).map(([look, text]) => paint(look, text))]
  if (view !== undefined) {
    lines.push(paint('reverse', memberLine(memberTitles, columns)))
    for (const member of view.members) {
      const isLate = member.lag_ms > lateMs
      lines.push(paint(isLate ? 'yellow' : 'plain', memberLine(memberCells(view, member, before), columns)))
    }
    lines.push(paint('dim', memberLine(totals(view, before), columns)), '')
    lines.push(paint('reverse', endpointLine(['ENDPOINT', 'IN FLIGHT', 'PROBED BY'], columns)))
    const left = Math.max(0, room - lines.length)
    const busiest = [...view.endpoints].sort(
      (a, b) => b.in_flight - a.in_flight || (a.name < b.name ? -1 : 1),
    )
    for (const { name, in_flight, probed_by } of busiest.slice(0, left)) {
      const cells = [printable(name), String(in_flight), printable(probed_by ?? 'each replica')] as const
      lines.push(endpointLine(cells, columns))
    }
  }
  while (lines.length < room) lines.push('')
  return [...lines.slice(0, room), paint('dim', fit(footer, columns))]
}

function head(
  { url, problem }: ClusterScreenState,
  view: ClusterBody | undefined,
  columns: number,
): readonly (readonly [Style, string])[] {
  if (problem !== undefined)
    return [
      ['red', fit(`${printable(url)}  NO CONNECTION: ${printable(problem)}`, columns)],
      ['plain', ''],
    ]
  if (view === undefined)
    return [
      ['plain', fit(printable(url), columns)],
      ['plain', ''],
    ]
  const title = `olla-gateway cluster  ${printable(url)}  replica ${printable(view.replica)}`
  const isJoined = view.state === 'joined'
  const reason = view.reason === null ? '' : ` (${printable(view.reason)})`
  const state = `${view.state}${reason} since ${view.since.slice(0, 19)}Z  round trip ${duration(view.round_trip_ms)}`
  return [
    ['bold', fit(title, columns)],
    [isJoined ? 'green' : 'red', fit(state, columns)],
    ...view.inexact.map((text): readonly [Style, string] => [
      'yellow',
      fit(`  inexact: ${printable(text)}`, columns),
    ]),
    ['plain', ''],
  ]
}

type MemberCells = readonly [string, string, string, string, string, string, string, string, string]

const memberTitles: MemberCells = [
  'REPLICA',
  'HOST',
  'VERSION',
  'UP',
  'IN FLIGHT',
  'REQ/S',
  'REQUESTS',
  'ROUND TRIP, LAG',
  'PROBES',
]

function memberLine(cells: MemberCells, columns: number): string {
  const hostWidth = Math.max(6, Math.min(24, columns - 98))
  return fit(
    [
      fit(cells[0], 18),
      fit(cells[1], hostWidth),
      fit(cells[2], 9),
      fit(cells[3], 9),
      fit(cells[4], 9, 'right'),
      fit(cells[5], 7, 'right'),
      fit(cells[6], 10, 'right'),
      fit(cells[7], 16, 'right'),
      fit(cells[8], 6, 'right'),
    ].join(' '),
    columns,
  )
}

function memberCells(view: ClusterBody, member: MemberRow, before: ClusterBody | undefined): MemberCells {
  const mark = member.id === view.replica ? '*' : ''
  return [
    `${printable(member.id)}${mark}`,
    printable(member.host),
    printable(member.version),
    formatDuration(member.uptime_ms),
    String(member.in_flight),
    perSecond(rateOf(view, before, (rows) => rows.find(({ id }) => id === member.id)?.requests ?? null)),
    member.requests === null ? '-' : String(member.requests),
    `${duration(member.round_trip_ms)}, ${duration(member.lag_ms)}`,
    String(member.probes),
  ]
}

function totals(view: ClusterBody, before: ClusterBody | undefined): MemberCells {
  const sum = (read: (member: MemberRow) => number) =>
    view.members.reduce((total, member) => total + read(member), 0)
  const all = (rows: readonly MemberRow[]) => rows.reduce((total, { requests }) => total + (requests ?? 0), 0)
  const isSame = before?.members.length === view.members.length
  return [
    `${view.members.length} replicas`,
    '',
    '',
    '',
    String(sum(({ in_flight }) => in_flight)),
    perSecond(isSame ? rateOf(view, before, all) : undefined),
    String(sum(({ requests }) => requests ?? 0)),
    '',
    String(sum(({ probes }) => probes)),
  ]
}

/** @returns undefined without two answers, and after a restart */
function rateOf(
  view: ClusterBody,
  before: ClusterBody | undefined,
  read: (members: readonly MemberRow[]) => number | null,
): number | undefined {
  if (before === undefined) return undefined
  const seconds = (Date.parse(view.timestamp) - Date.parse(before.timestamp)) / 1_000
  const now = read(view.members)
  const was = read(before.members)
  if (now === null || was === null || seconds <= 0 || now < was) return undefined
  return (now - was) / seconds
}

function perSecond(rate: number | undefined): string {
  return rate === undefined ? '-' : rate.toFixed(1)
}

function endpointLine([name, inFlight, replica]: readonly [string, string, string], columns: number): string {
  const nameWidth = Math.max(16, columns - 40)
  return fit([fit(name, nameWidth), fit(inFlight, 9, 'right'), fit(replica, 28)].join(' '), columns)
}
