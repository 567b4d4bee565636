import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { EndpointRow, ModelsView } from '../../dashboard/src/api/types.ts'
import { countedValues, filterFleet, modelNames, troubleRank } from '../../dashboard/src/state/fleet-rows.ts'
import { minWindowedRows, rowWindow } from '../../dashboard/src/state/row-window.ts'
import { sortedRows } from '../../dashboard/src/state/sort-rows.ts'

const row = (name: string, status: string, circuit = 'closed', type = 'vllm') =>
  ({ name, status, type, url: `http://${name}:8000`, breaker: { state: circuit, reason: '' } }) as EndpointRow

const rows = [
  row('a', 'healthy'),
  row('b', 'offline'),
  row('c', 'busy'),
  row('d', 'healthy', 'open'),
  row('e', 'unhealthy', 'closed', 'ollama'),
  row('f', 'healthy', 'half_open'),
  row('g', 'unknown'),
]
const models = modelNames({
  model_groups: [
    {
      family: 'llama',
      models: [
        { name: 'Llama3:8B', endpoints: ['a', 'c'] },
        { name: 'qwen', endpoints: ['a'] },
      ],
    },
  ],
} as unknown as ModelsView)
const all = { search: '', state: '', type: '' }
const names = (found: readonly EndpointRow[]) => found.map(({ name }) => name).join('')

describe('the fleet', () => {
  it('has trouble first', () => {
    const order = { column: 'state', direction: 'ascending' } as const
    assert.equal(names(sortedRows(rows, troubleRank, order)), 'bedfgca')
  })

  for (const [filter, expected] of [
    [all, 'abcdefg'],
    [{ ...all, state: 'trouble' }, 'bdefg'],
    [{ ...all, state: 'healthy' }, 'adf'],
    [{ ...all, type: 'ollama' }, 'e'],
    [{ ...all, state: 'trouble', type: 'vllm' }, 'bdfg'],
    [{ ...all, search: ' LLAMA3 ' }, 'ac'],
    [{ ...all, search: 'qwen', state: 'healthy' }, 'a'],
    [{ ...all, search: 'http://d' }, 'd'],
    [{ ...all, search: 'nothing' }, ''],
  ] as const) {
    it(`is filtered by ${JSON.stringify(filter)}`, () => {
      assert.equal(names(filterFleet(rows, filter, models)), expected)
    })
  }

  it('offers the values that there are, most frequent first', () => {
    assert.deepEqual(countedValues(['b', 'a', 'b', 'c']), [
      ['b', 2],
      ['a', 1],
      ['c', 1],
    ])
  })
})

describe('the window of a list', () => {
  it('is the whole of a short list', () => {
    const window = rowWindow(minWindowedRows - 1, { topPx: 5_000, heightPx: 900, rowPx: 50 })
    assert.deepEqual(window, { from: 0, to: minWindowedRows - 1, beforePx: 0, afterPx: 0 })
  })

  it('has all rows that are seen, few others, and the height of the list', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: minWindowedRows, max: 10_000 }),
        fc.double({ min: -2_000, max: 600_000, noNaN: true }),
        fc.integer({ min: 0, max: 2_000 }),
        fc.integer({ min: 20, max: 120 }),
        (count, topPx, heightPx, rowPx) => {
          const { from, to, beforePx, afterPx } = rowWindow(count, { topPx, heightPx, rowPx })
          assert.ok(from >= 0 && from < to && to <= count)
          assert.equal(beforePx + (to - from) * rowPx + afterPx, count * rowPx)
          assert.ok(to - from <= Math.ceil(heightPx / rowPx) + 32, `${to - from} rows`)
          const firstSeen = Math.max(0, Math.floor(topPx / rowPx))
          const lastSeen = Math.min(count, Math.ceil((topPx + heightPx) / rowPx))
          if (firstSeen < count && lastSeen > 0) assert.ok(from <= firstSeen && to >= lastSeen)
        },
      ),
    )
  })
})
