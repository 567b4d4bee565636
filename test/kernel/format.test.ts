import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  formatAgo,
  formatBytes,
  formatDuration,
  formatGoDuration,
  formatLatency,
  formatPercentage,
  formatTime,
  formatUntil,
} from '../../src/kernel/format.ts'

function table<Input>(
  name: string,
  format: (input: Input) => string,
  rows: readonly (readonly [Input, string])[],
) {
  describe(name, () => {
    for (const [input, text] of rows)
      it(`shows ${String(input)} as ${text}`, () => assert.equal(format(input), text))
  })
}

const [second, minute, hour, day] = [1_000, 60_000, 3_600_000, 86_400_000]

table('bytes', formatBytes, [
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.00 KB'],
  [13_701, '13.38 KB'],
  [4_000_000_000, '3.73 GB'],
  [1024 ** 2 - 1, '1.00 MB'],
  [1024 ** 5, '1.00 PB'],
  [1024 ** 6, '1024.00 PB'],
])
table<number | undefined>('percentages', formatPercentage, [
  [undefined, 'N/A'],
  [0, '0%'],
  [100, '100%'],
  [98.734, '98.7%'],
  [50, '50.0%'],
])
table('latencies', formatLatency, [
  [0, '0ms'],
  [0.4, '0ms'],
  [8.5, '9ms'],
  [999.4, '999ms'],
  [999.6, '1.0s'],
  [1_500, '1.5s'],
  [75_000, '75.0s'],
])
table('durations', formatDuration, [
  [0, '0s'],
  [29_999, '29s'],
  [5 * minute, '5m'],
  [26 * minute + 18 * second, '26m'],
  [59 * minute + 59 * second, '59m'],
  [2 * hour + 3 * minute, '2h 3m'],
  [24 * hour, '1d 0h'],
  [26 * hour, '1d 2h'],
])
table('durations as Go writes them', formatGoDuration, [
  [0, '0s'],
  [0.423, '423µs'],
  [8.479_275, '8.479ms'],
  [1_500, '1.5s'],
  [26 * minute + 19 * second, '26m19s'],
  [hour + 5 * second, '1h0m5s'],
])

describe('relative times', () => {
  const now = 10 * day
  for (const [at, text] of [
    [undefined, 'never'],
    [now, '0s ago'],
    [now + 5_000, '0s ago'],
    [now - 17_900, '17s ago'],
    [now - 59_999, '59s ago'],
    [now - 90 * second, '1m ago'],
    [now - 5 * hour, '5h ago'],
    [now - 3 * day, '3d ago'],
  ] as const) {
    it(`shows ${String(at)} as ${text}`, () => assert.equal(formatAgo(at, now), text))
  }
  for (const [at, text] of [
    [undefined, 'unknown'],
    [now, 'now'],
    [now - 1, 'now'],
    [now + 5_500, 'in 5s'],
    [now + 2 * minute, 'in 2m'],
  ] as const) {
    it(`shows ${String(at)} as ${text}`, () => assert.equal(formatUntil(at, now), text))
  }
  it('writes a moment in RFC 3339', () => {
    assert.equal(formatTime(Date.UTC(2026, 10, 22, 23, 55, 45, 308)), '2026-11-22T23:55:45.308Z')
  })
})

describe('formats', () => {
  it('show every size with a unit and below 1024 of it', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1024 ** 6 - 1024 ** 5, noNaN: true }), (bytes) => {
        const match = /^(\d+(?:\.\d\d)?) (B|KB|MB|GB|TB|PB)$/.exec(formatBytes(bytes))
        assert.ok(match !== null, formatBytes(bytes))
        assert.ok(Number(match[1]) < 1024 || match[2] === 'PB' || bytes > 1023, formatBytes(bytes))
        const unit = 1024 ** ['B', 'KB', 'MB', 'GB', 'TB', 'PB'].indexOf(match[2] ?? '')
        assert.ok(Math.abs(Number(match[1]) * unit - bytes) <= unit * 0.006 + 0.5)
      }),
    )
  })

  it('show spans in whole units that stay below the next unit', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10_000 * day }), (ms) => {
        const match = /^(\d+)([smhd]) ago$/.exec(formatAgo(0, ms))
        const [value, unit] = [Number(match?.[1]), match?.[2]]
        const size = { s: second, m: minute, h: hour, d: day }[unit ?? ''] ?? 0
        assert.ok(value * size <= ms && ms < (value + 1) * size)
        if (unit !== 'd') assert.ok(value < (unit === 'h' ? 24 : 60))
      }),
    )
  })
})
