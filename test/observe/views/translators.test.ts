import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CounterTable } from '../../../src/kernel/cells/counter-table.ts'
import {
  type TranslatedRequest,
  TranslatorStats,
  translatorCells,
  translatorColumns,
} from '../../../src/observe/stats/translator-stats.ts'
import { translatorStatsView } from '../../../src/observe/views/translators.ts'
import { SharedState } from '../../../src/runtime/cells/shared-state.ts'

const request = (given: Partial<TranslatedRequest>): TranslatedRequest => ({
  dialect: 'anthropic',
  outcome: 'success',
  mode: 'translation',
  isStream: true,
  mayPass: true,
  hadNoEndpoint: false,
  durationMs: 10,
  ...given,
})

function counted(...requests: Partial<TranslatedRequest>[]) {
  const stats = new TranslatorStats(new SharedState().of(translatorCells).counts)
  for (const each of requests) stats.record(request(each))
  return translatorStatsView(stats.totals(), [], 0)
}

describe('translator statistics', () => {
  it('start at zero', () => {
    const { translators, summary } = counted()
    assert.equal(translators[0]?.total_requests, 0)
    assert.equal(translators[0]?.success_rate, '0%')
    assert.equal(summary.active_translators, 0)
  })

  it('count each translated dialect separately, and no other', () => {
    const stats = new TranslatorStats(new CounterTable(translatorColumns, 2), ['anthropic', 'responses'])
    for (const dialect of ['responses', 'anthropic', 'responses', 'openai'])
      stats.record(request({ dialect }))
    const { summary, translators: rows } = translatorStatsView(stats.totals(), [], 0)
    assert.deepEqual(
      rows.map((row) => [row.translator_name, row.total_requests]),
      [
        ['responses', 2],
        ['anthropic', 1],
      ],
    )
    assert.equal(summary.total_translators, 2)
  })

  it('count a success only if the client received the complete answer', () => {
    const { translators, summary } = counted(
      { mode: 'passthrough', durationMs: 30 },
      { isStream: false },
      { outcome: 'failure' },
      { outcome: 'rejection', mode: undefined, hadNoEndpoint: true, isStream: false },
      { outcome: 'client_closed', mayPass: false },
    )
    assert.deepEqual(translators[0], {
      translator_name: 'anthropic',
      total_requests: 5,
      successful_requests: 2,
      failed_requests: 2,
      client_closed: 1,
      passthrough_requests: 1,
      translation_requests: 3,
      streaming_requests: 3,
      non_streaming_requests: 2,
      fallback_no_compatible_endpoints: 1,
      fallback_translator_does_not_support_passthrough: 0,
      fallback_cannot_passthrough: 2,
      success_rate: '50.0%',
      passthrough_rate: '25.0%',
      average_latency: '14ms',
    })
    assert.deepEqual(summary, {
      total_translators: 1,
      active_translators: 1,
      total_requests: 5,
      total_passthrough: 1,
      total_translations: 3,
      total_streaming: 3,
      total_non_streaming: 2,
      overall_success_rate: '50.0%',
      overall_passthrough_rate: '25.0%',
    })
  })
})
