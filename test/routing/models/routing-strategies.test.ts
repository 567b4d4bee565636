import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type Fallback,
  type ModelKnowledge,
  type Refresh,
  type StrategyName,
  strategies,
} from '../../../src/routing/models/routing-strategies.ts'

/** Contract 6.6, row by row. */
const rows: [StrategyName, Fallback, ModelKnowledge, Refresh | undefined, string, string, number][] = [
  ['strict', 'all', 'found', undefined, 'routed', 'model_found', 200],
  ['strict', 'all', 'unknown', undefined, 'rejected', 'model_not_found', 404],
  ['strict', 'all', 'unavailable', undefined, 'rejected', 'model_unavailable', 503],
  ['optimistic', 'none', 'found', undefined, 'routed', 'model_found', 200],
  ['optimistic', 'none', 'unknown', undefined, 'rejected', 'model_not_found', 404],
  ['optimistic', 'compatible_only', 'unknown', undefined, 'rejected', 'model_not_found', 404],
  ['optimistic', 'none', 'unavailable', undefined, 'rejected', 'model_unavailable_no_fallback', 503],
  [
    'optimistic',
    'compatible_only',
    'unavailable',
    undefined,
    'rejected',
    'model_unavailable_compatible_only',
    503,
  ],
  ['optimistic', 'all', 'unknown', undefined, 'fallback', 'model_not_found_fallback', 200],
  ['optimistic', 'all', 'unavailable', undefined, 'fallback', 'all_healthy_fallback', 200],
  ['discovery', 'none', 'found', 'off', 'routed', 'model_found_no_refresh', 200],
  ['discovery', 'none', 'unknown', 'off', 'rejected', 'model_unavailable_no_refresh', 503],
  ['discovery', 'all', 'unknown', 'off', 'rejected', 'model_unavailable_no_refresh', 503],
  // Beyond the contract: Olla rejects it, and `optimistic` does not.
  ['discovery', 'all', 'unavailable', 'off', 'fallback', 'all_healthy_fallback', 200],
  ['discovery', 'none', 'found', undefined, 'routed', 'model_found', 200],
  ['discovery', 'none', 'found', 'done', 'routed', 'model_found_after_discovery', 200],
  ['discovery', 'none', 'unknown', 'done', 'rejected', 'model_unavailable_after_discovery', 404],
  [
    'discovery',
    'compatible_only',
    'unavailable',
    'done',
    'rejected',
    'model_unavailable_after_discovery',
    503,
  ],
  ['discovery', 'all', 'unknown', 'done', 'fallback', 'all_healthy_after_discovery', 200],
  ['discovery', 'none', 'unknown', 'failed', 'rejected', 'discovery_failed_no_fallback', 503],
  ['discovery', 'compatible_only', 'unknown', 'failed', 'rejected', 'discovery_failed_compatible_only', 503],
  ['discovery', 'all', 'unknown', 'failed', 'fallback', 'discovery_failed_all_fallback', 200],
  ['discovery', 'none', 'unknown', 'impossible', 'rejected', 'discovery_error', 503],
  ['discovery', 'all', 'unknown', 'impossible', 'fallback', 'discovery_error_fallback', 200],
]

describe('routing strategies', () => {
  for (const [strategy, fallback, knowledge, refresh, decision, reason, status] of rows) {
    it(`${strategy} (${fallback}), model ${knowledge}, refresh ${refresh ?? 'not due'}: ${decision}, ${reason}`, () => {
      const situation = { knowledge, fallback, refresh, someRoutable: true }
      assert.deepEqual(strategies[strategy](situation), { decision, reason, status })
    })
  }

  it('report that no endpoint is left to fall back to', () => {
    const situation = { knowledge: 'unknown', fallback: 'all', refresh: 'done', someRoutable: false } as const
    assert.equal(strategies.discovery(situation).reason, 'no_healthy_after_discovery')
  })
})
