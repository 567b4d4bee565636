// Setup and cleanup of every benchmark: the programs, the cores, a temporary folder.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CoreSplit, type Machine, readMachine, splitCores } from './machine.ts'
import { buildNative, type NativePrograms, SetupError } from './native.ts'
import { buildPackage } from './package.ts'

export interface Workbench {
  readonly programs: NativePrograms
  readonly machine: Machine
  readonly cores: CoreSplit
  /** For configurations, bodies and logs; removed at the end. */
  readonly folder: string
}

/** Reports missing programs in one sentence; any other error is a defect and shows its stack. */
export async function withWorkbench(work: (bench: Workbench) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'gateway-bench-'))
  try {
    const programs = buildNative()
    buildPackage()
    const machine = readMachine()
    await work({ programs, machine, cores: splitCores(machine.cores), folder })
  } catch (error) {
    if (!(error instanceof SetupError)) throw error
    console.error(error.message)
    process.exitCode = 1
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

export function progress(text: string): void {
  console.error(`… ${text}`)
}

/** @throws SetupError if the text is not a positive integer */
export function wholeNumber(option: string, text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value > 0) return value
  throw new SetupError(`${option}: "${text}" is not a whole number above 0.`)
}
