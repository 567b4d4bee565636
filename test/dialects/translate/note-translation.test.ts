import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  noteAttempt,
  noteTranslation,
  type TranslatedRequest,
} from '../../../src/dialects/translate/note-translation.ts'

describe('the note of a translation', () => {
  it('is that of the last attempt', () => {
    const request: TranslatedRequest = { translation: undefined, headers: ['A', 'b'] }
    const applied = { from: 'chat', to: 'messages', dropped: ['seed', 'logprobs'] } as const
    noteTranslation(request, applied)
    assert.equal(request.translation, applied)
    assert.deepEqual(request.headers, ['A', 'b', 'X-Olla-Dropped', 'seed, logprobs'])
    noteTranslation(request, { ...applied, dropped: ['seed'] })
    assert.deepEqual(request.headers, ['A', 'b', 'X-Olla-Dropped', 'seed'])
    noteAttempt(request)
    assert.deepEqual(request, { translation: undefined, headers: ['A', 'b'] })
    noteAttempt(request)
    assert.deepEqual(request.headers, ['A', 'b'])
  })
})
