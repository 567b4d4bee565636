// What other programs, and the host of a virtual machine, take from a round: on a busy machine ratios mislead too, since
// not all targets suffer alike.
import { readFileSync } from 'node:fs'

export interface Noise {
  /** Cores that programs outside of the benchmark kept busy, or the host took; average over the round. */
  readonly otherCores: number
  /** Time that a fixed piece of work took beside the round: a shared or throttled core takes longer. */
  readonly loopMicros: number
}

export interface NoiseMeter {
  /** @param loadMicros CPU time of the load generator, which has ended since */
  stop(loadMicros: number): Noise
}

/** Ticks of 10 ms would make noise of their own below this. */
const maxOtherCores = 0.1
const maxSlowdown = 1.15
const microsPerTick = 10_000

/**
 * @param cores those that the benchmark may use
 * @param ownMicros CPU time so far of the benchmark's processes
 */
export function startNoiseMeter(cores: readonly number[], ownMicros: () => number): NoiseMeter {
  const loopBefore = fixedWork()
  const own = ownMicros()
  const busy = busyMicros(readFileSync('/proc/stat', 'utf8'), cores)
  const startMs = performance.now()
  return {
    stop(loadMicros) {
      const elapsedMicros = (performance.now() - startMs) * 1000
      const others =
        busyMicros(readFileSync('/proc/stat', 'utf8'), cores) - busy - (ownMicros() - own) - loadMicros
      return {
        otherCores: Math.max(0, others / elapsedMicros),
        loopMicros: Math.max(loopBefore, fixedWork()),
      }
    },
  }
}

/** @param fastestMicros the least that the fixed work took in the run */
export function isNoisy({ otherCores, loopMicros }: Noise, fastestMicros: number): boolean {
  return otherCores > maxOtherCores || loopMicros > fastestMicros * maxSlowdown
}

/** Time that the cores were not idle, in microseconds; stolen time counts. */
export function busyMicros(stat: string, cores: readonly number[]): number {
  let ticks = 0
  for (const core of cores) {
    const fields = new RegExp(`^cpu${core} (.*)$`, 'm').exec(stat)?.[1]?.split(' ').map(Number)
    const [user = 0, nice = 0, system = 0, , , interrupts = 0, softInterrupts = 0, stolen = 0] = fields ?? []
    ticks += user + nice + system + interrupts + softInterrupts + stolen
  }
  return ticks * microsPerTick
}

/** The fastest of five, so that a program that interrupts one does not count twice. */
function fixedWork(): number {
  let fastest = Number.POSITIVE_INFINITY
  for (let repetition = 0; repetition < 5; repetition++) {
    const startMs = performance.now()
    let hash = 1
    for (let at = 0; at < 1_000_000; at++) hash = Math.imul(hash ^ at, 16_777_619)
    if (hash !== 0) fastest = Math.min(fastest, (performance.now() - startMs) * 1000)
  }
  return fastest
}
