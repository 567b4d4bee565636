import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type Fallback,
  type ModelKnowledge,
  type StrategyName,
  strategies,
} from '../../src/model/routing-strategies.ts'

/** Contract 6.6, row by row. */
const rows: [StrategyName, Fallback, ModelKnowledge, string, string, number][] = [
  ['strict', 'all', 'found', 'routed', 'model_found', 200],
  ['strict', 'all', 'unknown', 'rejected', 'model_not_found', 404],
  ['strict', 'all', 'unavailable', 'rejected', 'model_unavailable', 503],
  ['optimistic', 'none', 'found', 'routed', 'model_found', 200],
  ['optimistic', 'none', 'unknown', 'rejected', 'model_not_found', 404],
  ['optimistic', 'compatible_only', 'unknown', 'rejected', 'model_not_found', 404],
  ['optimistic', 'none', 'unavailable', 'rejected', 'model_unavailable_no_fallback', 503],
  ['optimistic', 'compatible_only', 'unavailable', 'rejected', 'model_unavailable_compatible_only', 503],
  ['optimistic', 'all', 'unknown', 'fallback', 'model_not_found_fallback', 200],
  ['optimistic', 'all', 'unavailable', 'fallback', 'all_healthy_fallback', 200],
  ['discovery', 'none', 'found', 'routed', 'model_found_no_refresh', 200],
  ['discovery', 'none', 'unknown', 'rejected', 'model_unavailable_no_refresh', 503],
]

describe('routing strategies', () => {
  for (const [strategy, fallback, knowledge, decision, reason, status] of rows) {
    it(`${strategy} (${fallback}), model ${knowledge}: ${decision}, ${reason}`, () => {
      assert.deepEqual(strategies[strategy](knowledge, fallback), { decision, reason, status })
    })
  }
})
