// The results as Markdown.
import { type Bar, barsOf, isMet } from './bars.ts'
import {
  addedOf,
  countRounds,
  type Figure,
  figureOf,
  type Results,
  ratioOf,
  roundsThatAre,
} from './results.ts'
import { type Scenario, scenarios } from './scenarios.ts'
import { perStreamBytes } from './stream-memory.ts'
import { formatMegabytes, formatNumber, formatRatio, renderTable } from './table.ts'
import { targets } from './targets.ts'

/** Figures of quiet rounds; of noisy ones only what a request costs, to see what the noise does to it. */
export function renderReport(everything: Results): string {
  const counted = countRounds(everything)
  const isAllNoisy = counted.noisy === counted.all
  const results = isAllNoisy ? everything : roundsThatAre(everything, 'quiet')
  const noisy = roundsThatAre(everything, 'noisy')
  const own = columnsOf(results)
  const behind = own.filter(({ name }) => name !== 'direct')
  const measured = scenarios.filter(({ name }) =>
    results.measurements.some(({ scenario }) => scenario === name),
  )
  const closed = measured.filter(({ rate }) => rate === undefined)
  const paced = measured.filter(({ rate }) => rate !== undefined)
  const streams = measured.filter(({ intervalMicros = 0 }) => intervalMicros > 0)
  const table = (
    title: string,
    of: readonly Scenario[],
    columns: readonly Column[],
    cell: (scenario: string, target: string) => string,
  ) => {
    if (of.length === 0 || columns.length === 0) return []
    const rows = of.map((scenario) => [
      scenario.title,
      ...columns.map(({ name }) => cell(scenario.name, name)),
    ])
    return [`### ${title}`, renderTable(['work', ...columns.map((column) => column.title)], rows)]
  }
  const pair = (scenario: string, target: string, of: typeof addedOf, p50: Figure, p99: Figure) =>
    `${formatNumber(of(results, scenario, target, p50))} / ${formatNumber(of(results, scenario, target, p99))}`
  const sections = [
    describeRun(everything),
    ...table('CPU µs per request (over the bare path; over nginx)', measured, behind, (scenario, target) =>
      withRatios(results, scenario, target),
    ),
    ...(counted.noisy === 0 || isAllNoisy
      ? []
      : table('The same in the noisy rounds', measured, behind, (scenario, target) =>
          withRatios(noisy, scenario, target),
        )),
    ...table('Requests per second', closed, own, (scenario, target) =>
      formatNumber(figureOf(results, scenario, target, 'perSecond')),
    ),
    ...table(
      'Added latency at a fixed rate, p50 / p99 µs (direct: all of it)',
      paced,
      own,
      (scenario, target) =>
        pair(scenario, target, target === 'direct' ? figureOf : addedOf, 'latencyP50', 'latencyP99'),
    ),
    ...table(
      'Latency, p50 / p99 µs (one request after the other: mostly waiting)',
      closed,
      own,
      (scenario, target) => pair(scenario, target, figureOf, 'latencyP50', 'latencyP99'),
    ),
    ...table('Delay of a chunk, p50 / p99 µs', streams, own, (scenario, target) =>
      pair(scenario, target, figureOf, 'delayP50', 'delayP99'),
    ),
    ...renderMemory(results),
    ...renderBars(results),
    ...results.leftOut.map(({ target, reason }) => `Left out: ${target}, ${reason}.`),
  ]
  return `${sections.join('\n\n')}\n`
}

interface Column {
  readonly name: string
  readonly title: string
}

function columnsOf({ measurements }: Results): readonly Column[] {
  return targets.filter(({ name }) => measurements.some(({ target }) => target === name))
}

function describeRun(results: Results): string {
  const { date, machine, node, rounds, processes, isQuick } = results
  const cores = machine.cores.length
  const counted = countRounds(results)
  return [
    `${date.slice(0, 10)}, ${cores} ${cores === 1 ? 'core' : 'cores'} of ${machine.cpu}, Linux ${machine.kernel}, Node ${node};`,
    `load average before the run ${formatNumber(machine.load)}; ${rounds} ${isQuick ? 'short ' : ''}rounds of each of ${processes} processes.`,
    counted.noisy === counted.all && counted.all > 0
      ? 'No round was quiet: these are medians of noisy ones.'
      : `Medians of the quiet rounds; ${counted.noisy} of ${counted.all} were noisy.`,
  ].join('\n')
}

function withRatios(results: Results, scenario: string, target: string): string {
  const over = ['bare', 'nginx']
    .map((other) => (other === target ? undefined : ratioOf(results, scenario, target, other, 'cpu')))
    .map(formatRatio)
  return `${formatNumber(figureOf(results, scenario, target, 'cpu'))} (${over.join('; ')})`
}

function renderMemory({ memory, streamMemory }: Results): string[] {
  const levels = streamMemory[0]?.levels ?? []
  const names = targets.filter(({ name }) =>
    [...memory, ...streamMemory].some(({ target }) => target === name),
  )
  if (names.length === 0) return []
  const head = [
    'resident memory, MB',
    'idle',
    'after load',
    'peak',
    ...levels.map(({ streams }) => `KB per stream at ${streams.toLocaleString('en-US')}`),
  ]
  const rows = names.map(({ name, title }) => {
    const sizes = memory.find(({ target }) => target === name)
    const streams = streamMemory.find(({ target }) => target === name)
    return [
      title,
      ...[sizes?.idleBytes, sizes?.loadedBytes, sizes?.peakBytes].map(formatMegabytes),
      ...levels.map((_, at) => {
        const level = streams?.levels[at]
        return formatNumber(
          streams === undefined || level === undefined ? undefined : perStreamBytes(streams, level) / 1024,
        )
      }),
    ]
  })
  return ['### Memory', renderTable(head, rows)]
}

function renderBars(results: Results): string[] {
  const rows = barsOf(results)
    .filter(({ value }) => value !== undefined)
    .map((bar) => [
      bar.name,
      `${bar.isMinimum ? '≥' : '≤'} ${bar.limit}`,
      formatNumber(bar.value),
      verdictOf(bar),
    ])
  return rows.length === 0 ? [] : ['### Bars', renderTable(['bar', 'limit', 'measured', ''], rows)]
}

function verdictOf(bar: Bar): string {
  if (isMet(bar)) return 'met'
  return bar.hasRoom === false ? 'no room' : 'missed'
}
