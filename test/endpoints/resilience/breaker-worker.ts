import { parentPort, workerData } from 'node:worker_threads'
import { BreakerTable } from '../../../src/endpoints/resilience/breaker-table.ts'
import { CircuitBreaker } from '../../../src/endpoints/resilience/circuit-breaker.ts'
import { type BlocksDescription, SharedBlocks } from '../../../src/runtime/cells/shared-blocks.ts'
import { FakeClock } from '../../support/fake-clock.ts'

/**
 * Meets the other threads at `gate`, then tries to become the trial; round after round. The one that
 * has become it closes the circuit for the next round.
 */
const { blocks, gate, thread, threads, rounds } = workerData as {
  blocks: BlocksDescription
  gate: SharedArrayBuffer
  thread: number
  threads: number
  rounds: number
}
const arrived = new Int32Array(gate)
const policy = {
  enabled: true,
  failureThreshold: 1,
  openDurationMs: 0,
  trialTimeoutMs: 60_000,
  failureStatuses: new Set<number>(),
  connectionErrors: true,
  timeouts: true,
  slowFirstByteMs: 0,
}
let opened = 0
const breaker = new CircuitBreaker(
  new BreakerTable(1, new SharedBlocks(threads, thread, blocks).place('breakers')),
  0,
  policy,
  new FakeClock(),
  (_from, to) => {
    if (to === 'open') opened++
  },
)

/** Goes on when all threads have come here as often as this one; spins briefly, so that they go on together. */
function meet(step: number): void {
  Atomics.add(arrived, 0, 1)
  Atomics.notify(arrived, 0)
  for (let spin = 0; ; spin++) {
    const count = Atomics.load(arrived, 0)
    if (count >= threads * step) return
    if (spin > 1000) Atomics.wait(arrived, 0, count)
  }
}

let step = 0
const trialRounds: number[] = []
for (let round = 0; round < rounds; round++) {
  meet(++step)
  breaker.fail('closed', 'x')
  meet(++step)
  const permit = breaker.acquire()
  if (typeof permit === 'object') trialRounds.push(round)
  meet(++step)
  breaker.succeed(permit)
}
parentPort?.postMessage({ trialRounds, opened })
