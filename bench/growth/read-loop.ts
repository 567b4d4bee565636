// Runs requested cases, one line each: `INDEX BYTES`. Nothing else runs between a line and its answer, so that the
// count in between covers only the case.
import { readSync, writeSync } from 'node:fs'
import { growthCases } from './cases.ts'

const line = Buffer.alloc(64)

function readLine(): string | undefined {
  let length = 0
  while (readSync(0, line, length, 1, null) === 1) {
    if (line[length] === 0x0a) return line.toString('latin1', 0, length)
    length++
  }
  return undefined
}

/** @returns the answer to a line; a reader that refuses its input has read it up to that point */
async function read(index: number, bytes: number): Promise<string> {
  try {
    await growthCases[index]?.run(bytes)
    return 'read\n'
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return 'refused\n'
  }
}

writeSync(1, 'ready\n')
for (let asked = readLine(); asked !== undefined; asked = readLine()) {
  const [index, bytes] = asked.split(' ').map(Number)
  if (bytes === 0) globalThis.gc?.()
  writeSync(1, bytes === 0 ? 'collected\n' : await read(index ?? -1, bytes ?? 0))
}
