import { type Plot, renderPlot } from '../plot.ts'
import { formatNumber, formatRatio, renderTable } from '../table.ts'
import type { Load } from './loads.ts'
import type { Figures } from './simulate.ts'

export interface LoadFigures {
  readonly load: Load
  readonly figures: readonly Figures[]
}

const ours = 'expected latency'
const plotted: Readonly<Record<string, string>> = {
  'least connections': '#888888',
  'cache-aware (SGLang gateway)': '#2a7f2a',
  'scorers (llm-d)': '#b8860b',
  [ours]: '#c02020',
  oracle: '#2040c0',
}
/** Waits beyond this percentile would flatten the rest. */
const maxPercentile = 97

const seconds = (ms: number) => (ms / 1_000).toFixed(ms < 10_000 ? 2 : 1)
const percent = (part: number) => `${(part * 100).toFixed(part < 0.1 ? 1 : 0)} %`

const swapRows = ['the same, swap_batch_wait 60 s', 'the same, swap_batch 0']

export function renderLoad({ load, figures: all }: LoadFigures): string {
  const figures = all.filter(({ policy }) => load.name === 'home-swaps' || !swapRows.includes(policy))
  const oracle = figures.find(({ policy }) => policy === 'oracle')
  const least = figures.find(({ policy }) => policy === 'least connections')
  const swaps = load.engines.some(({ models }) => models.length > 1)
  const head = [
    'time to first token, s',
    'mean',
    'over the oracle',
    'over least connections',
    'P95',
    'people',
    'slowest person over the median',
    'answer tokens/s',
    'busiest',
    ...(swaps ? ['models loaded per 1,000'] : []),
    'failed',
  ]
  const rows = figures.map((each) => [
    each.policy,
    seconds(each.meanFirstTokenMs),
    over(each, oracle),
    over(each, least),
    seconds(each.p95FirstTokenMs),
    each.peopleMs === 0 ? '' : seconds(each.peopleMs),
    each.peopleMs === 0 ? '' : formatRatio(each.unfairness),
    formatNumber(each.answerTokensPerSecond),
    percent(each.busiestShare),
    ...(swaps ? [formatNumber(each.loadsPerThousand)] : []),
    String(each.failed),
  ])
  return renderTable(head, rows)
}

function over(each: Figures, base: Figures | undefined): string {
  return base === undefined ? '' : formatRatio(each.meanFirstTokenMs / base.meanFirstTokenMs)
}

/** The goals, and where they are met. */
export function renderGoals(all: readonly LoadFigures[]): string {
  const rows = all.flatMap(({ load, figures }) => {
    const find = (name: string) => figures.find(({ policy }) => policy === name)
    const [own, oracle, least] = [find(ours), find('oracle'), find('least connections')]
    if (own === undefined || oracle === undefined || least === undefined) return []
    const toOracle = own.meanFirstTokenMs / oracle.meanFirstTokenMs
    const toLeast = own.meanFirstTokenMs / least.meanFirstTokenMs
    const limit = load.repeats ? 0.5 : 1.05
    const [median, p90] = own.estimateError ?? [0, 0]
    return [
      [
        load.title,
        formatRatio(toOracle),
        toOracle <= 1.2 ? 'met' : 'missed',
        formatRatio(toLeast),
        `≤ ${limit}`,
        toLeast <= limit ? 'met' : 'missed',
        percent(median),
        percent(p90),
      ],
    ]
  })
  const head = [
    ours,
    'mean over the oracle',
    '≤ 1.2',
    'over least connections',
    'bar',
    '',
    'estimate error, median',
    'P90',
  ]
  return renderTable(head, rows)
}

export function plotOf({ load, figures }: LoadFigures): string {
  const plot: Plot = {
    title: load.title,
    xLabel: 'percentile of requests',
    yLabel: 's to first token',
    series: figures.flatMap(({ policy, percentiles }) => {
      const color = plotted[policy]
      if (color === undefined) return []
      const points = percentiles.slice(0, maxPercentile + 1).map((ms, x) => ({ x, y: ms / 1_000 }))
      return [{ name: policy.replace(/ \(.*/, ''), color, points }]
    }),
  }
  return renderPlot(plot)
}

/** The whole page. */
export function renderPage(all: readonly LoadFigures[]): string {
  return [intro, '## Goals', renderGoals(all), ...all.map(section), notes].join('\n\n')
}

function section(each: LoadFigures): string {
  const { load } = each
  const title = load.title.charAt(0).toUpperCase() + load.title.slice(1)
  return `## ${title}\n\n![Time to first token by percentile](images/fleet-${load.name}.svg)\n\n${renderLoad(each)}`
}

const intro = `# Fleets in simulation

\`npm run bench:fleet -- --write\` writes this page. It compares ways to choose an endpoint in fleets of inference engines in
virtual time; nothing but the gateway's own code and models of engines and clients runs, so the figures are the same on
every machine. The strategies, the estimates, the prefix index, session affinity and the waiting line are the product's
own modules, not copies.

What is modelled:

- **Engines** compute prompts one after the other, generate answers together (each further answer makes a step longer), skip
  what their prefix cache holds, evict the least recently used, hold requests back when their batch or KV cache is full,
  and load and unload models in order of arrival, as Ollama does. Rates are of the order that vendors and users publish for an
  8B model with 4 bits (llama.cpp's and vLLM's benchmark pages): 4,500 to 10,000 prompt tokens a second for recent
  24 to 48 GB cards, 700 for a Mac, 60 for a CPU, 12,000 for a data-centre card. A larger model is slower in proportion to its size.
- **Clients** are closed loops: people with growing chats and pauses to read, agents with 9,000 tokens of tools and system
  prompt and short pauses, batch jobs, and one caller with 200 requests at a time. Their prompts are the same whatever
  the policy.
- **The gateway** sees an engine's metrics and models once a second (the scorers of llm-d every 50 ms), learns from each
  answer, probes a dead endpoint every 5 s and fails over.

The others: *cache-aware* follows the published rules of the SGLang model gateway and *scorers* those of llm-d's endpoint
picker, with their default values; *Olla's sticky sessions* bind the start of the messages. The *oracle* knows the true state of
every engine and takes the one that gives the request its first token soonest. It does not plan ahead: keeping a
conversation where its cache is can be better for the requests after it, so it can be beaten. *With the line* means
\`max_concurrent\` for each endpoint, so that requests wait in the gateway, fair between callers, and not in the engines.`

const notes = `## What this does not show

The rates are rounded, the network takes no time, answers have the length that they have whatever the engine, and no
request is cancelled. Engines that compute prompts in chunks beside answers are modelled by halving the speed of answers
meanwhile. Figures of real engines differ; the order of the policies is what counts.
`
