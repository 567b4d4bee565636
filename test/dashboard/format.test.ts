import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  formatAgo,
  formatBytes,
  formatCount,
  formatMs,
  formatOllaTime,
  formatPercentage,
  formatPlural,
  formatRate,
  formatShare,
  formatSpan,
} from '../../dashboard/src/format/format.ts'

describe('number formats', () => {
  it('shortens counts to three digits', () => {
    const shown = [0, 7, 999, 1000, 1234, 34_200, 999_949, 999_950, 5_600_000, 2e9].map(formatCount)
    assert.deepEqual(shown, ['0', '7', '999', '1k', '1.23k', '34.2k', '1M', '1M', '5.6M', '2G'])
  })

  it('keeps small rates visible', () => {
    const shown = [undefined, 0, 0.004, 0.25, 4.26, 12.34, 120.4].map(formatRate)
    assert.deepEqual(shown, ['–', '0', '<0.01', '0.25', '4.26', '12.3', '120'])
  })

  it('writes times in a readable unit', () => {
    const times = [
      undefined,
      0,
      0.4,
      250.4,
      999.4,
      999.6,
      1500,
      9_994,
      9_996,
      59_949,
      59_950,
      3_599_499,
      3_600_000,
    ]
    assert.deepEqual(times.map(formatMs), [
      '–',
      '0 ms',
      '<1 ms',
      '250 ms',
      '999 ms',
      '1.00 s',
      '1.50 s',
      '9.99 s',
      '10.0 s',
      '59.9 s',
      '1 min 0 s',
      '59 min 59 s',
      '1 h 0 min',
    ])
    assert.equal(formatMs(90_000_000), '1 d 1 h')
    assert.deepEqual([1.44, 3, 9.94, 9.96, 12.5].map(formatMs), [
      '1.4 ms',
      '3 ms',
      '9.9 ms',
      '10 ms',
      '13 ms',
    ])
  })

  it('never shows 60 s or 1000 ms', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), (ms) => {
        assert.doesNotMatch(formatMs(ms), /\b(?:1000 ms|60(?:\.0)? s)$/)
      }),
    )
  })

  it('shows 0% or 100% only for exact shares', () => {
    const shown = [undefined, 0, 0.00001, 0.5, 0.994, 0.99999, 1].map(formatShare)
    assert.deepEqual(shown, ['–', '0%', '0.1%', '50.0%', '99.4%', '99.9%', '100%'])
  })

  it('counts bytes by 1024', () => {
    const shown = [0, 1023, 1024, 13_700, 1_047_552, 1_048_576, 1.1e9].map(formatBytes)
    assert.deepEqual(shown, ['0 B', '1023 B', '1 KB', '13.4 KB', '1023 KB', '1 MB', '1.02 GB'])
  })

  it('shows an age in one unit', () => {
    const now = 1_800_000_000_000
    const ago = [undefined, 0, -500, 999, 1000, 59_999, 60_000, 7_200_000, 200_000_000]
    assert.deepEqual(
      ago.map((ms) => formatAgo(ms === undefined ? undefined : now - ms, now)),
      ['never', 'now', 'now', 'now', '1 s ago', '59 s ago', '1 min ago', '2 h ago', '2 d ago'],
    )
  })

  it('writes long times in whole units', () => {
    const shown = [-5, 5_999, 60_000, 3_599_999, 3_720_000, 90_000_000].map(formatSpan)
    assert.deepEqual(shown, ['0 s', '5 s', '1 min', '59 min', '1 h 2 min', '1 d 1 h'])
  })

  it('adds spaces to durations that Olla writes', () => {
    const shown = ['955ms', '1.5s', '3m ago', '2h 3m', 'never'].map(formatOllaTime)
    assert.deepEqual(shown, ['955 ms', '1.5 s', '3 min ago', '2 h 3 min', 'never'])
  })

  it('uses one sign for unknown values', () => {
    assert.deepEqual([undefined, 'N/A', '98.7%'].map(formatPercentage), ['–', '–', '98.7%'])
  })

  it('distinguishes singular and plural', () => {
    assert.deepEqual(
      [0, 1, 2].map((count) => formatPlural(count, 'thread')),
      ['0 threads', '1 thread', '2 threads'],
    )
  })
})
