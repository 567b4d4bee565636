import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TranslationStats, translationCells } from '../../../src/observe/stats/translation-stats.ts'
import { translatorStatsView } from '../../../src/observe/views/translators.ts'
import { SharedState } from '../../../src/runtime/cells/shared-state.ts'

describe('statistics of translations', () => {
  const stats = new TranslationStats(new SharedState().of(translationCells).counts)
  stats.record({ from: 'ollama-embed', to: 'embeddings' }, 'rejection')
  stats.record({ from: 'responses', to: 'chat' }, 'success')
  stats.record({ from: 'responses', to: 'chat' }, 'success')
  stats.record({ from: 'responses', to: 'chat' }, 'client_closed')
  stats.record({ from: 'responses', to: 'unknown' }, 'success')
  const none = { success: 0, failure: 0, rejection: 0, client_closed: 0, cancelled: 0 }

  it('count by the APIs of client and endpoint, and by outcome', () => {
    assert.deepEqual(stats.totals(), [
      { from: 'responses', to: 'chat', outcomes: { ...none, success: 2, client_closed: 1 } },
      { from: 'ollama-embed', to: 'embeddings', outcomes: { ...none, rejection: 1 } },
    ])
  })

  it('are listed, most requested first', () => {
    const { translations } = translatorStatsView({}, stats.totals().reverse(), 0)
    assert.deepEqual(translations, [
      { from: 'responses', to: 'chat', total_requests: 3, successful_requests: 2 },
      { from: 'ollama-embed', to: 'embeddings', total_requests: 1, successful_requests: 0 },
    ])
  })
})
