import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatMegabytes, formatNumber, formatRatio, renderTable } from '../../bench/table.ts'

describe('a table', () => {
  it('aligns the first column to the left and the others to the right', () => {
    const table = renderTable(
      ['work', 'CPU µs'],
      [
        ['chat', '8'],
        ['large body', '1,024'],
      ],
    )
    assert.equal(
      table,
      [
        '| work       | CPU µs |',
        '| ---------- | -----: |',
        '| chat       |      8 |',
        '| large body |  1,024 |',
      ].join('\n'),
    )
  })

  it('fills missing cells and keeps the rule at three characters', () => {
    assert.equal(
      renderTable(['a', 'b'], [['x']]),
      ['| a   |   b |', '| --- | --: |', '| x   |     |'].join('\n'),
    )
  })
})

describe('numbers', () => {
  it('show three significant digits or whole numbers', () => {
    assert.equal(formatNumber(0.1234), '0.12')
    assert.equal(formatNumber(12.34), '12.3')
    assert.equal(formatNumber(123.4), '123')
    assert.equal(formatNumber(12_345.6), '12,346')
    assert.equal(formatNumber(-12.34), '-12.3')
  })

  it('show a dash for what was not measured', () => {
    assert.equal(formatNumber(undefined), '–')
    assert.equal(formatNumber(Number.NaN), '–')
    assert.equal(formatRatio(undefined), '–')
    assert.equal(formatRatio(Number.POSITIVE_INFINITY), '–')
    assert.equal(formatMegabytes(undefined), '–')
  })

  it('show ratios with two decimals and bytes as megabytes', () => {
    assert.equal(formatRatio(1.149), '1.15')
    assert.equal(formatMegabytes(100 * 1024 * 1024), '100')
  })
})
