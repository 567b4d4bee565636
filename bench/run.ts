// What the gateway costs, beside nginx, bare paths and nothing: `npm run bench`. Loopback only; bounded in
// rounds and time. `docs/performance.md` says what each figure means.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { measure, type Row, type Started } from './measure.ts'
import { buildNative, SetupError } from './native.ts'
import { start } from './processes.ts'
import { readMachine } from './sampling.ts'
import { type Scenario, scenarios } from './scenarios.ts'
import { type Target, targets } from './targets.ts'

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    only: { type: 'string' },
    targets: { type: 'string' },
  },
})

try {
  await run()
} catch (error) {
  if (!(error instanceof SetupError)) throw error
  console.error(error.message)
  process.exitCode = 1
}

async function run(): Promise<void> {
  const chosen = choose<Scenario>(scenarios, values.only, '--only')
  const asked = choose<Target>(targets, values.targets, '--targets')
  const programs = buildNative()
  const machine = readMachine()
  const lastCore = String(machine.cores - 1)
  console.log(`${machine.cores} cores, ${machine.cpu}, load ${machine.load}`)
  const folder = await mkdtemp(join(tmpdir(), 'gateway-bench-'))
  try {
    const upstream = await start({
      name: 'upstream',
      command: [programs.upstream],
      cores: lastCore,
      outputFile: join(folder, 'upstream.log'),
      isUp: /"ports":\[(\d+)/,
    })
    const context = { folder, upstreamPort: Number(upstream.matched), core: '0', twoCores: '0,1' }
    const started: Started[] = []
    for (const target of asked) {
      const missing = target.missing()
      if (missing !== undefined) {
        console.log(`${target.title}: left out, ${missing}`)
        continue
      }
      const cores = target.threads > 1 && machine.cores < 4 ? `0-${lastCore}` : lastCore
      started.push({
        target,
        running: await target.start(context),
        generator: { program: programs.load, cores },
      })
    }
    const rows = await measure(chosen, started, {
      folder,
      rounds: Number(values.rounds ?? (values.quick ? 2 : 5)),
      isQuick: values.quick,
      onRound: (line) => console.error(line),
    })
    print(rows)
    await Promise.all(started.map(({ running }) => running.process?.stop()))
    await upstream.stop()
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function print(rows: readonly Row[]): void {
  console.log(
    '| work | target | CPU µs/request | over bare | over nginx | requests/s | p50 µs | p99 µs | delay p50 µs | delay p99 µs |',
  )
  console.log('|---|---|---|---|---|---|---|---|---|---|')
  for (const row of rows) {
    const over = (name: string) => {
      const other = rows.find(({ scenario, target }) => scenario === row.scenario && target === name)
      return other === undefined ? '' : (row.cpuPerRequest / other.cpuPerRequest).toFixed(2)
    }
    const figures = [
      row.cpuPerRequest,
      row.perSecond,
      row.latencyP50,
      row.latencyP99,
      row.delayP50,
      row.delayP99,
    ]
    const [cpu = '', ...rest] = figures.map((value) => (Number.isNaN(value) ? '' : value.toFixed(0)))
    console.log(`| ${[row.scenario, row.target, cpu, over('bare'), over('nginx'), ...rest].join(' | ')} |`)
  }
}

function choose<T extends { readonly name: string }>(
  all: readonly T[],
  names: string | undefined,
  option: string,
): readonly T[] {
  if (names === undefined) return all
  return names.split(',').map((name) => {
    const found = all.find((one) => one.name === name)
    if (found === undefined) {
      throw new SetupError(`${option}: ${name} is none of ${all.map((one) => one.name).join(', ')}`)
    }
    return found
  })
}
