import { formatDuration } from '../../kernel/format.ts'
import type { Sample } from '../../observe/stats/sample.ts'
import { type Paint, stateColor } from './paint.ts'
import type { EndpointRow, EventLine, RequestRow, TopState } from './state.ts'
import { duration, fit, printable, sparkline } from './text.ts'

export interface Screen {
  readonly columns: number
  readonly rows: number
  readonly paint: Paint
  /** Epoch milliseconds. */
  readonly nowMs: number
}

/** Lines above the lists, and the one below. */
const headLines = 4
const footLines = 1
/** Below this width nothing useful fits. */
const minColumns = 40

/** Renders the screen: exactly `rows` lines of `columns` visible characters. */
export function renderScreen(state: TopState, screen: Screen): string[] {
  const columns = Math.max(minColumns, screen.columns)
  const at = { ...screen, columns }
  const room = Math.max(0, screen.rows - headLines - footLines)
  const eventRows = Math.min(5, Math.max(1, Math.floor(room / 5)))
  const listRows = Math.max(0, room - eventRows - 3)
  const endpointRows = Math.min(state.endpoints.length, Math.max(2, Math.ceil(listRows / 2)))
  const requestRows = Math.max(0, listRows - endpointRows)
  const lines = [
    ...head(state, at),
    ...endpointLines(state, at, endpointRows),
    ...requestLines(state, at, requestRows),
    ...eventLines(state.events, at, eventRows),
  ]
  while (lines.length < screen.rows - footLines) lines.push('')
  const shown = lines.slice(0, Math.max(0, screen.rows - footLines))
  return [...shown, at.paint('dim', fit(footer(state), columns))]
}

function head(state: TopState, { columns, paint, nowMs }: Screen): string[] {
  const { hello, problem, samples, endpoints } = state
  const last = samples.at(-1)
  const up = endpoints.filter(({ status }) => isUp(status)).length
  const uptime = hello === undefined ? '' : `up ${formatDuration(nowMs - Date.parse(hello.started_at))}`
  const name = `olla-gateway ${printable(hello?.version ?? '')}  ${printable(state.url)}`
  const right = problem === undefined ? uptime : `NO CONNECTION: ${printable(problem)}`
  const room = Math.max(0, columns - [...right].length - 1)
  const title = `${fit(name, room)} ${fit(right, columns - room - 1)}`
  const charts = chartLine(samples, columns)
  const percentiles = last?.first_token_ms
  const times =
    percentiles === null || percentiles === undefined
      ? 'first token -'
      : `first token ${[percentiles.p50, percentiles.p90, percentiles.p99].map(duration).join('/')} (p50/90/99)`
  const load = `in flight ${last?.in_flight ?? '-'}  waiting ${last?.waiting ?? '-'}  endpoints ${up}/${endpoints.length}`
  return [
    problem === undefined ? paint('bold', title) : paint('red', title),
    charts,
    fit(`${load}  ${times}`, columns),
    '',
  ]
}

function chartLine(samples: readonly Sample[], columns: number): string {
  const rates = samples.map((sample) => perSecond(sample.requests, sample))
  const tokens = samples.map((sample) => perSecond(sample.completion_tokens, sample))
  const failures = samples.map((sample) => perSecond(sample.failures, sample))
  const labels = [
    ['req/s', rates],
    ['tok/s', tokens],
    ['fail/s', failures],
  ] as const
  // Label, space, seven digits, space, chart, two spaces between.
  const width = Math.max(4, Math.floor((columns - 4) / labels.length) - 15)
  const parts = labels.map(
    ([label, values]) =>
      `${fit(label, 6)} ${fit((values.at(-1) ?? 0).toFixed(1), 7, 'right')} ${sparkline(values, width)}`,
  )
  return fit(parts.join('  '), columns)
}

function endpointLines(state: TopState, { columns, paint }: Screen, rows: number): string[] {
  const last = state.samples.at(-1)
  const nameWidth = Math.max(8, columns - 66)
  const line = (cells: readonly [string, string, string, string, string, string, string, string]) =>
    fit(
      [
        fit(cells[0], nameWidth),
        fit(cells[1], 12),
        fit(cells[2], 9),
        fit(cells[3], 9, 'right'),
        fit(cells[4], 7, 'right'),
        fit(cells[5], 5, 'right'),
        fit(cells[6], 10, 'right'),
        fit(cells[7], 7, 'right'),
      ].join(' '),
      columns,
    )
  const mark = state.pane === 'endpoints' ? '*' : ''
  const heading = line([
    `ENDPOINT${mark}`,
    'STATUS',
    'CIRCUIT',
    'IN FLIGHT',
    'REQ/S',
    'FAIL',
    '1ST BYTE',
    'MODELS',
  ])
  const sorted = sortEndpoints(state, last)
  const shown = window(sorted, state.offsets.endpoints, rows)
  return [
    paint('reverse', heading),
    ...shown.map((endpoint) => {
      const [, requests = 0, failures = 0, firstByteMs = null] = last?.endpoints[endpoint.id] ?? []
      const limit = endpoint.max_concurrent > 0 ? `/${endpoint.max_concurrent}` : ''
      const text = line([
        printable(endpoint.name),
        printable(endpoint.status),
        printable(endpoint.breaker.state),
        `${endpoint.in_flight}${limit}`,
        last === undefined ? '-' : perSecond(requests, last).toFixed(1),
        String(failures),
        duration(firstByteMs),
        String(endpoint.model_count),
      ])
      return paint(stateColor(endpoint.status, endpoint.breaker.state), text)
    }),
  ]
}

function sortEndpoints({ endpoints, sort, isReversed }: TopState, last: Sample | undefined): EndpointRow[] {
  const value = (endpoint: EndpointRow): number => {
    const [, requests = 0, , firstByteMs = null] = last?.endpoints[endpoint.id] ?? []
    switch (sort) {
      case 'name':
        return 0
      case 'in flight':
        return endpoint.in_flight
      case 'req/s':
        return requests
      case 'first byte':
        return firstByteMs ?? -1
    }
  }
  const direction = isReversed ? -1 : 1
  return [...endpoints].sort(
    (a, b) => direction * (value(b) - value(a) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)),
  )
}

function requestLines(state: TopState, { columns, paint }: Screen, rows: number): string[] {
  const room = columns - 50
  const modelWidth = Math.max(8, Math.ceil(room / 2))
  const line = (cells: readonly [string, string, string, string, string, string, string]) =>
    fit(
      [
        fit(cells[0], 7, 'right'),
        fit(cells[1], 10),
        fit(cells[2], modelWidth),
        fit(cells[3], Math.max(8, room - modelWidth)),
        fit(cells[4], 15),
        fit(cells[5], 6, 'right'),
        fit(cells[6], 6, 'right'),
      ].join(' '),
      columns,
    )
  const mark = state.pane === 'requests' ? '*' : ''
  const more = state.requestTotal > rows ? ` (${state.requestTotal})` : ''
  const heading = line([`AGE${mark}`, 'PHASE', `MODEL${more}`, 'ENDPOINT', 'CLIENT', 'TOKENS', 'TOK/S'])
  const shown = window(state.requests, state.offsets.requests, rows)
  return [paint('reverse', heading), ...shown.map((request) => line(requestCells(request)))]
}

function requestCells(
  request: RequestRow,
): readonly [string, string, string, string, string, string, string] {
  return [
    duration(request.age_ms),
    request.phase,
    printable(request.model ?? '-'),
    printable(request.endpoint ?? '-'),
    printable(request.client),
    request.completion_tokens === null ? '-' : String(request.completion_tokens),
    request.tokens_per_second === null ? '-' : request.tokens_per_second.toFixed(1),
  ]
}

function eventLines(events: readonly EventLine[], { columns, paint }: Screen, rows: number): string[] {
  const shown = events.slice(-rows).reverse()
  return [
    paint('reverse', fit('EVENTS, newest first', columns)),
    ...shown.map(({ at, type, data }) => {
      const text = Object.entries(data)
        .filter(([, value]) => value !== null && !(Array.isArray(value) && value.length === 0))
        .map(([key, value]) => `${key}=${Array.isArray(value) ? value.join(',') : String(value)}`)
        .join(' ')
      return fit(`${at.slice(11, 19)} ${printable(type)} ${printable(text)}`, columns)
    }),
  ]
}

function footer({ sort, isReversed, pane }: TopState): string {
  return `q quit  up/down scroll ${pane}  tab other list  s sort: ${sort}${isReversed ? ', reversed' : ''}  r reverse`
}

function window<Row>(rows: readonly Row[], offset: number, count: number): readonly Row[] {
  const from = Math.max(0, Math.min(offset, rows.length - count))
  return rows.slice(from, from + count)
}

function perSecond(count: number, { interval_ms }: Sample): number {
  return interval_ms > 0 ? (count * 1_000) / interval_ms : 0
}

function isUp(status: string): boolean {
  return status !== 'offline' && status !== 'unhealthy' && status !== 'unknown'
}
