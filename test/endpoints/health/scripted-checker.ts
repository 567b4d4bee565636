import { AnswerTimes, answerCells } from '../../../src/endpoints/health/answer-times.ts'
import { HealthChecker, type HealthCheckerOptions } from '../../../src/endpoints/health/health-checker.ts'
import { ProbeRecords, probeCells } from '../../../src/endpoints/health/probe-records.ts'
import type { Endpoint } from '../../../src/endpoints/registry/endpoint.ts'
import { CircuitBreakers } from '../../../src/endpoints/resilience/circuit-breakers.ts'
import { circuitCells } from '../../../src/endpoints/resilience/circuit-cells.ts'
import { BoundedQueue } from '../../../src/kernel/bounded-queue.ts'
import { endpoint } from '../../observe/stats/fixtures.ts'
import { createRegistry } from '../../support/registry.ts'
import { type Behaviour, ScriptedUpstreams } from './scripted-upstreams.ts'

/** Where the first endpoint is probed. */
export const healthUrl = 'http://127.0.0.1:9000/health'

/** A health checker with a fake clock over upstreams that a test scripts. */
export function createChecker(
  settings: readonly Partial<Endpoint>[] = [{}],
  options: Partial<HealthCheckerOptions> & { slowStartMs?: number; concurrency?: number } = {},
) {
  const { slowStartMs = 0, concurrency = 10, ...checkerOptions } = options
  const endpoints = settings.map((each, slot) => endpoint({ slot, ownHealthUrl: true, ...each }))
  const { state, clock, events, registry, transitions } = createRegistry(endpoints, { slowStartMs })
  const breakers = new CircuitBreakers(registry, state.of(circuitCells).endpoints, { clock, events })
  const upstreams = new ScriptedUpstreams(clock)
  const answers = new AnswerTimes(clock, state.of(answerCells).answeredAtMs)
  const checker = new HealthChecker(
    {
      clock,
      registry,
      records: new ProbeRecords(state.of(probeCells)),
      breakers,
      answers,
      fetch: upstreams.fetch,
      queue: new BoundedQueue({ concurrency, capacity: 64 }),
      userAgent: 'olla-gateway-HealthChecker/1.2.3',
    },
    { jitter: 0, random: () => 0.5, ...checkerOptions },
  )
  const behave = (behaviour: Behaviour, slot = 0) =>
    upstreams.behaviour.set(endpoints[slot]?.healthUrl ?? '', behaviour)
  return { clock, registry, breakers, upstreams, answers, checker, transitions, behave }
}
