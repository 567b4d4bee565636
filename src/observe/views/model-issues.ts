import type { ModelCircuit } from '../../endpoints/resilience/circuit-breakers.ts'
import type { ModelIssue } from './source.ts'

/** Lists why models of an endpoint get no requests: circuits that are not closed, and pauses. */
export function modelIssues(
  circuits: readonly ModelCircuit[],
  pauses: readonly { readonly model: string; readonly leftMs: number }[],
): ModelIssue[] {
  const issues = new Map<string, ModelIssue>()
  for (const { model, circuit } of circuits) {
    if (circuit.state !== 'closed') issues.set(model, { model, circuit, pauseMs: 0 })
  }
  for (const { model, leftMs } of pauses) {
    issues.set(model, { model, circuit: issues.get(model)?.circuit, pauseMs: leftMs })
  }
  return [...issues.values()]
}
