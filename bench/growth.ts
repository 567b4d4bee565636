// How the cost of each reader grows with its input: `npm run bench:growth`. It doubles sizes, counts instructions with
// valgrind, and fails if twice the bytes take more than 2.3 times as many. It does not measure time.
//   --max-bytes N     largest input, default 524288: quadratic terms show from a few hundred kilobytes on
//   --sample          one shape of each reader, up to 33554432 bytes
//   --only TEXT       cases with this text in their name
import { execFileSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { growthCases } from './growth/cases.ts'
import { CountedProcess } from './growth/counted-process.ts'
import { formatRatio, renderTable } from './table.ts'

const maxGrowth = 2.3
/** Further doublings if the last one grew too much. */
const maxSteps = 2

const { values } = parseArgs({
  options: {
    'max-bytes': { type: 'string' },
    sample: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
  },
})
const maxBytes = Number(values['max-bytes'] ?? (values.sample ? 32 << 20 : 512 << 10))

if (!hasValgrind()) {
  console.error('valgrind is needed to count instructions: apt-get install valgrind')
  process.exit(1)
}

const rows: string[][] = []
let failures = 0
const counted = await CountedProcess.start()
for (const [index, { reader, shape }] of growthCases.entries()) {
  const isLeftOut = values.sample && growthCases[index - 1]?.reader === reader
  if (isLeftOut || !`${reader}: ${shape}`.includes(values.only)) continue
  const { bytes, perByte, growth } = await measure(index)
  if (growth > maxGrowth) failures++
  rows.push([
    `${reader}: ${shape}${counted.wasRefused ? ' (refused)' : ''}`,
    size(bytes),
    perByte.toFixed(1),
    formatRatio(growth),
  ])
  console.error(rows.at(-1)?.join(' | '))
}
await counted.stop()

console.log(renderTable(['reader: shape', 'up to', 'instructions per byte', 'growth'], rows))
console.log(failures === 0 ? 'no reader grows faster than its input' : `${failures} readers grow faster`)
process.exitCode = failures === 0 ? 0 : 1

/** The growth from half the bytes to all of them. A step shows once, superlinear growth at each doubling. */
async function measure(index: number): Promise<{ bytes: number; perByte: number; growth: number }> {
  // Warms up the code before the counted runs.
  await counted.count(index, maxBytes)
  let bytes = maxBytes
  let smaller = await counted.count(index, bytes / 2)
  for (let steps = 0; ; steps++, bytes *= 2) {
    const larger = await counted.count(index, bytes)
    // Less than one instruction per byte is start-up cost only.
    const growth = larger < bytes ? 1 : larger / smaller
    if (growth <= maxGrowth || steps === maxSteps) return { bytes, perByte: larger / bytes, growth }
    smaller = larger
  }
}

function size(bytes: number): string {
  return bytes >= 1 << 20 ? `${bytes / (1 << 20)} MB` : `${bytes / 1024} KB`
}

function hasValgrind(): boolean {
  try {
    execFileSync('valgrind', ['--version'], { stdio: 'ignore' })
    execFileSync('vgdb', ['--help'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
