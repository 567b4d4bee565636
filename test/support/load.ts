import { AnswerTimes, answerCells } from '../../src/endpoints/health/answer-times.ts'
import type { EndpointRegistry } from '../../src/endpoints/registry/registry.ts'
import type { CircuitBreakers } from '../../src/endpoints/resilience/circuit-breakers.ts'
import { CoolDowns, coolDownCells } from '../../src/endpoints/resilience/cool-down.ts'
import type { Clock } from '../../src/kernel/clock.ts'
import { FailurePenalties, penaltyCells } from '../../src/routing/selection/failure-penalty.ts'
import { LiveLoad } from '../../src/routing/selection/live-load.ts'
import { loadCells } from '../../src/routing/selection/load-cells.ts'
import type { SharedState } from '../../src/runtime/cells/shared-state.ts'

/** The endpoints' load over the cells of a test. */
export function liveLoad(
  state: SharedState,
  parts: {
    clock: Clock
    registry: EndpointRegistry
    breakers: CircuitBreakers
    health: { retryInMs(slot: number): number }
  },
): LiveLoad {
  const { clock } = parts
  return new LiveLoad({
    ...parts,
    ...state.of(loadCells),
    answers: new AnswerTimes(clock, state.of(answerCells).answeredAtMs),
    coolDowns: new CoolDowns(clock, state.of(coolDownCells).untilMs),
    penalties: new FailurePenalties(clock, state.of(penaltyCells).penalties),
  })
}
