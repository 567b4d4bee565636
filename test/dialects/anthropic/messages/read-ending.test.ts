import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { callOf, ended, read, started, textOf } from './support.ts'

describe('the end of a message', () => {
  const reasons = [
    ['end_turn', 'end'],
    ['max_tokens', 'length'],
    ['stop_sequence', 'stop_sequence'],
    ['tool_use', 'end'],
    ['refusal', 'filtered'],
    ['model_context_window_exceeded', 'context_full'],
    ['pause_turn', 'length'],
    ['something_new', 'end'],
    ['stop', 'end'],
    ['length', 'length'],
  ] as const
  for (const [sent, reason] of reasons) {
    it(`reads ${sent} as ${reason}`, () => {
      const { ending } = read([started(), ...textOf(0, 'x'), ...ended(sent, null, 'END')]).answer
      assert.equal(ending?.reason, reason)
      assert.equal(ending.stopSequence, reason === 'stop_sequence' ? 'END' : null)
    })
  }

  it('reports a call that max_tokens cut off as such', () => {
    const { ending } = read([started(), ...callOf(0, 'a', 'f', '{"x":'), ...ended('tool_use')]).answer
    assert.equal(ending?.reason, 'length')
  })

  it('fails for a reason that reports a failure', () => {
    assert.match(
      read([started(), ...textOf(0, 'x'), ...ended('abort')]).answer.failure?.message ?? '',
      /abort/,
    )
  })
})

describe('usage of a message', () => {
  const usageOf = (start: object, end: object | null) =>
    read([started(start), ...textOf(0, '12345678'), ...ended('end_turn', end)]).answer.ending?.usage
  const usage = (
    promptTokens: number,
    cachedTokens: number,
    cacheWriteTokens: number,
    completionTokens: number,
  ) => ({
    promptTokens,
    cachedTokens,
    cacheWriteTokens,
    completionTokens,
    reasoningTokens: undefined,
  })
  const rows: readonly (readonly [string, object, object | null, object])[] = [
    [
      'cached tokens once (tombii/better-ccflare#324)',
      { input_tokens: 20, cache_read_input_tokens: 80, cache_creation_input_tokens: 0, output_tokens: 1 },
      { output_tokens: 5 },
      usage(100, 80, 0, 5),
    ],
    [
      'written tokens',
      { input_tokens: 20, cache_read_input_tokens: 30, cache_creation_input_tokens: 50, output_tokens: 1 },
      { output_tokens: 5 },
      usage(100, 30, 50, 5),
    ],
    [
      'totals at the end',
      { input_tokens: 20, output_tokens: 0 },
      { input_tokens: 25, cache_read_input_tokens: 75, output_tokens: 5 },
      usage(100, 75, 0, 5),
    ],
    [
      'a prompt that is counted only at the end',
      { input_tokens: 0, output_tokens: 0 },
      { input_tokens: 12, output_tokens: 5 },
      usage(12, 0, 0, 5),
    ],
    [
      'nulls and zeros at the end',
      { input_tokens: 20, cache_read_input_tokens: 80, output_tokens: 1 },
      { input_tokens: 0, cache_read_input_tokens: null, output_tokens: 5 },
      usage(100, 80, 0, 5),
    ],
    ['no count of the answer', { input_tokens: 20, output_tokens: 1 }, null, usage(20, 0, 0, 2)],
    ['no count of the prompt', {}, { output_tokens: 5 }, usage(7, 0, 0, 5)],
  ]
  for (const [name, start, end, expected] of rows) {
    it(`counts ${name}`, () => {
      assert.deepEqual(usageOf(start, end), expected)
    })
  }
})
