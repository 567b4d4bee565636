import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { formatDuration, parseBytes, parseDuration } from '../../src/config/file/decode.ts'
import { interpolate } from '../../src/config/file/interpolate.ts'
import { nearest } from '../../src/config/schema/diagnostics.ts'

describe('durations', () => {
  const cases: [string, number | undefined][] = [
    ['0', 0],
    ['30s', 30_000],
    ['1h30m', 5_400_000],
    ['1.5s', 1500],
    ['250ms', 250],
    ['100us', 0.1],
    ['100µs', 0.1],
    ['-5s', -5000],
    ['+5s', 5000],
    ['.5s', 500],
    ['5.s', 5000],
    ['.s', undefined],
    ['5', undefined],
    ['s', undefined],
    ['5 s', undefined],
    ['', undefined],
  ]
  for (const [text, ms] of cases) it(JSON.stringify(text), () => assert.equal(parseDuration(text), ms))

  it('are written so that they read the same', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e10 }), (ms) => {
        assert.equal(parseDuration(formatDuration(ms)), ms)
      }),
    )
  })
})

describe('sizes', () => {
  const cases: [string, number | undefined][] = [
    ['1024', 1024],
    ['64KB', 65_536],
    ['64KiB', 65_536],
    ['100MB', 104_857_600],
    ['1.5 gb', 1_610_612_736],
    ['10B', 10],
    ['MB', undefined],
    ['-1', undefined],
  ]
  for (const [text, bytes] of cases) it(JSON.stringify(text), () => assert.equal(parseBytes(text), bytes))
})

describe('interpolation', () => {
  it('leaves text without references unchanged', () => {
    fc.assert(
      fc.property(
        fc.string().filter((text) => !text.includes('$')),
        (text) => assert.deepEqual(interpolate(text, {}), { text }),
      ),
    )
  })

  it('expands references and defaults, and does not expand twice', () => {
    const env = { A: '1', EMPTY: '', NESTED: '${A}' }
    assert.deepEqual(interpolate('x${A}y', env), { text: 'x1y' })
    assert.deepEqual(interpolate('${B:-two}', env), { text: 'two' })
    assert.deepEqual(interpolate('${EMPTY:-two}', env), { text: 'two' })
    assert.deepEqual(interpolate('${EMPTY}', env), { text: '' })
    assert.deepEqual(interpolate('${B:-}', env), { text: '' })
    assert.deepEqual(interpolate('${NESTED}', env), { text: '${A}' })
    assert.deepEqual(interpolate('$$A costs $5', env), { text: '$A costs $5' })
    assert.deepEqual(interpolate('${B}', env), { variable: 'B' })
  })
})

describe('nearest', () => {
  it('finds a probable match, or nothing if no name is similar', () => {
    const keys = ['load_balancer', 'engine', 'profile', 'read_timeout']
    assert.equal(nearest('load_balancr', keys), 'load_balancer')
    assert.equal(nearest('enigne', keys), 'engine')
    assert.equal(nearest('timeout', keys), undefined)
    assert.equal(nearest('zzz', keys), undefined)
  })
})
