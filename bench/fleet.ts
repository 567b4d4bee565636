// Ways to choose an endpoint, in simulated fleets with the gateway's own code: `npm run bench:fleet`. Virtual time, so the
// figures are the same on every machine.
//   --only A,B      these loads only: names of `fleet/loads.ts`
//   --policies A,B  these policies only: names of `fleet/compared.ts`
//   --write         writes docs/fleet-simulation.md and its plots
import { parseArgs } from 'node:util'
import { policies } from './fleet/compared.ts'
import { loads } from './fleet/loads.ts'
import { simulate } from './fleet/simulate.ts'
import { renderTable } from './table.ts'
import { progress } from './workbench.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    policies: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
})
const chosen = <T extends { readonly name: string }>(all: readonly T[], names: string | undefined) =>
  all.filter(({ name }) => names === undefined || names.split(',').includes(name))

for (const load of chosen(loads, values.only)) {
  progress(load.title)
  const rows = []
  for (const policy of chosen(policies, values.policies)) {
    const begun = process.cpuUsage()
    const f = simulate(load, policy)
    const { user } = process.cpuUsage(begun)
    rows.push([
      policy.name,
      String(f.requests),
      String(f.failed),
      f.meanFirstTokenMs.toFixed(0),
      f.p95FirstTokenMs.toFixed(0),
      f.answerTokensPerSecond.toFixed(0),
      f.busiestShare.toFixed(2),
      f.loadsPerThousand.toFixed(0),
      f.peopleMs.toFixed(0),
      f.unfairness.toFixed(2),
      f.estimateError?.map((e) => e.toFixed(2)).join(' ') ?? '',
      (user / 1e6).toFixed(1),
    ])
  }
  console.log(
    renderTable(
      [
        'policy',
        'requests',
        'failed',
        'mean',
        'p95',
        'tok/s',
        'busiest',
        'loads/1000',
        'people',
        'unfair',
        'err',
        'cpu s',
      ],
      rows,
    ),
  )
}
