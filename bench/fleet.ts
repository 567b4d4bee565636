// Ways to choose an endpoint, in simulated fleets with the gateway's own code: `npm run bench:fleet`. Virtual time, so the
// figures are the same on every machine.
//   --only A,B      these loads only: names of `fleet/loads.ts`
//   --policies A,B  these policies only: names of `fleet/compared.ts`
//   --seeds N       runs of each load and policy; default 5, of a cluster 1
//   --write         writes docs/fleet-simulation.md and its plots
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { policies } from './fleet/compared.ts'
import { loads } from './fleet/loads.ts'
import { type LoadFigures, plotOf, renderGoals, renderLoad, renderPage } from './fleet/page.ts'
import { simulate } from './fleet/simulate.ts'
import { progress, wholeNumber } from './workbench.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    policies: { type: 'string' },
    seeds: { type: 'string', default: '5' },
    write: { type: 'boolean', default: false },
  },
})
const seeds = wholeNumber('--seeds', values.seeds)
const docs = join(import.meta.dirname, '../docs')

function chosen<T extends { readonly name: string }>(all: readonly T[], names: string | undefined): T[] {
  return all.filter(({ name }) => names === undefined || names.split(',').includes(name))
}

const all: LoadFigures[] = []
for (const load of chosen(loads, values.only)) {
  progress(load.title)
  const numbers = Array.from({ length: load.fleet === 'cluster' ? 1 : seeds }, (_, at) => at + 1)
  const figures = chosen(policies, values.policies).map((policy) => simulate(load, policy, numbers))
  all.push({ load, figures })
  console.log(`\n${load.title}\n\n${renderLoad({ load, figures })}`)
}
console.log(`\n${renderGoals(all)}`)
if (values.write) {
  writeFileSync(join(docs, 'fleet-simulation.md'), renderPage(all))
  for (const each of all) writeFileSync(join(docs, `images/fleet-${each.load.name}.svg`), plotOf(each))
}
