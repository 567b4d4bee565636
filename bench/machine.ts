// The machine, and the assignment of its cores.
import { readFileSync } from 'node:fs'

export interface Machine {
  /** Cores that this process may use. */
  readonly cores: readonly number[]
  readonly cpu: string
  readonly kernel: string
  /** Load average of the last minute before the run. */
  readonly load: number
}

export function readMachine(): Machine {
  const allowed = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'
  return {
    cores: parseCoreList(allowed),
    cpu: /^model name\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? 'unknown',
    kernel: readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim(),
    load: Number(readFileSync('/proc/loadavg', 'utf8').split(' ')[0]),
  }
}

/** Parses `0-2,5`, the kernel's format. */
export function parseCoreList(text: string): number[] {
  return text.split(',').flatMap((part) => {
    const [first = 0, last = first] = part.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, at) => first + at)
  })
}

/** Lists of cores in taskset's format. */
export interface CoreSplit {
  /** Of a target with one thread. */
  readonly one: string
  /** Of a target with two. */
  readonly two: string
  readonly load: string
  /** Of the load generator beside a target with two threads. */
  readonly loadBesideTwo: string
  readonly upstream: string
}

/** Keeps the target off the cores of load and upstream as far as there are cores. */
export function splitCores(cores: readonly number[]): CoreSplit {
  const [first = 0, second = first] = cores
  const last = cores.at(-1) ?? first
  const two = first === second ? `${first}` : `${first},${second}`
  return {
    one: `${first}`,
    two,
    load: `${last}`,
    loadBesideTwo: cores.length > 2 ? `${last}` : two,
    upstream: `${cores.length > 3 ? cores.at(-2) : last}`,
  }
}
