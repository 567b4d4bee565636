import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { randomFrom } from '../attack/support/random.ts'
import { httpTargets } from './http-targets.ts'
import { cut, mutated } from './mutator.ts'
import type { FuzzTarget } from './target.ts'
import { textTargets } from './text-targets.ts'

/** `FUZZ_RUNS=1000000 FUZZ_SEED=7 npm run test:fuzz` looks longer, elsewhere. */
const runs = Number(process.env.FUZZ_RUNS ?? 3_000)
const seed = Number(process.env.FUZZ_SEED ?? 1)

function seedsOf(name: string): Buffer[] {
  const folder = new URL(`./corpus/${name}/`, import.meta.url)
  return readdirSync(folder).map((file) => readFileSync(new URL(file, folder)))
}

async function check(target: FuzzTarget, bytes: Buffer, pieces: readonly Buffer[]): Promise<boolean> {
  try {
    return await target.check(bytes, pieces)
  } catch (error) {
    // To be kept in the corpus once it is mended.
    const file = join(tmpdir(), `olla-gateway-fuzz-${target.name}-${Date.now()}`)
    writeFileSync(file, bytes)
    const lengths = pieces.map(({ length }) => length).join(',')
    throw new Error(`${target.name} with ${file}, cut to ${lengths}`, { cause: error })
  }
}

describe('readers of untrusted input', () => {
  for (const target of [...httpTargets, ...textTargets]) {
    it(`${target.name}: ${target.invariant}`, async (t) => {
      const seeds = seedsOf(target.name)
      assert.ok(seeds.length > 0)
      const random = randomFrom(seed)
      for (const bytes of seeds)
        await check(
          target,
          bytes,
          [...bytes].map((byte) => Buffer.from([byte])),
        )
      let taken = 0
      for (let run = 0; run < runs; run++) {
        const bytes = mutated(seeds, random)
        if (await check(target, bytes, cut(bytes, random))) taken++
      }
      t.diagnostic(`${target.name}: ${taken} of ${runs} taken`)
      // Else the mutations are so wild that they say nothing of the reader.
      assert.ok(taken > runs / 100, `${taken} of ${runs} taken`)
    })
  }
})
