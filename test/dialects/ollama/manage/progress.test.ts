import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ProgressMerge } from '../../../../src/dialects/ollama/manage/progress.ts'
import { JsonLines } from '../../../../src/kernel/stream/json-lines.ts'

const digest = 'sha256:aa'
const layer = (completed: number | undefined, total = 100) => ({
  status: 'pulling aa',
  digest,
  total,
  ...(completed === undefined ? {} : { completed }),
})
const linesOf = (lines: readonly { line: unknown }[]) => lines.map(({ line }) => line)

describe('progress of several endpoints', () => {
  it('is that of the slowest', () => {
    const merge = new ProgressMerge(2)
    assert.deepEqual(linesOf(merge.take(0, layer(60))), [layer(0)])
    assert.deepEqual(linesOf(merge.take(1, layer(20))), [layer(20)])
    assert.deepEqual(linesOf(merge.take(0, layer(100))), [])
    assert.deepEqual(linesOf(merge.take(1, layer(80))), [layer(80)])
    assert.deepEqual(linesOf(merge.take(1, layer(undefined))), [layer(0)])
  })

  it('is complete once the slowest has it, also without reporting it', () => {
    const merge = new ProgressMerge(2)
    merge.take(0, layer(100))
    assert.deepEqual(linesOf(merge.succeeded(1)), [layer(100)])
    assert.deepEqual(linesOf(merge.succeeded(0)), [])
  })

  it('goes on without an endpoint that failed, and names it', () => {
    const merge = new ProgressMerge(3)
    merge.take(0, layer(50))
    merge.take(1, layer(70))
    assert.deepEqual(linesOf(merge.failed(2, 'c', 'refused')), [layer(50), { status: 'c failed: refused' }])
    assert.deepEqual(linesOf(merge.failed(0, 'a', 'refused')), [layer(70), { status: 'a failed: refused' }])
    assert.deepEqual(linesOf(merge.failed(1, 'b', 'refused')), [])
  })

  it('reports a stage once, and progress without a digest by its status', () => {
    const merge = new ProgressMerge(2)
    const stage = { status: 'pulling manifest' }
    assert.deepEqual(linesOf(merge.take(0, stage)), [stage])
    assert.deepEqual(linesOf(merge.take(1, stage)), [])
    assert.deepEqual(linesOf(merge.take(0, { status: 'converting', total: 4, completed: 4 })), [
      { status: 'converting', total: 4, completed: 0 },
    ])
    for (const odd of [null, 1, 'x', [], {}, { status: 1 }]) assert.deepEqual(merge.take(0, odd), [])
  })

  it('is bounded for any number of layers and stages', () => {
    const merge = new ProgressMerge(1)
    let lines = 0
    for (let at = 0; at < 5_000; at++) {
      lines += merge.take(0, { status: `stage ${at}` }).length
      lines += merge.take(0, { status: 's', digest: `d${at}`, total: 2, completed: 1 }).length
    }
    assert.equal(lines, 2_000)
  })

  it('never exceeds the total nor the least of what is complete', () => {
    const report = fc.record({
      at: fc.nat({ max: 2 }),
      total: fc.nat({ max: 50 }),
      completed: fc.option(fc.integer({ min: -5, max: 80 }), { nil: undefined }),
    })
    fc.assert(
      fc.property(fc.array(report, { maxLength: 40 }), (reports) => {
        const merge = new ProgressMerge(3)
        const last = [0, 0, 0]
        let total = 0
        for (const { at, ...rest } of reports) {
          total = Math.max(total, rest.total)
          last[at] = Math.max(0, rest.completed ?? 0)
          for (const { line } of merge.take(at, { status: 's', digest, ...rest })) {
            assert.equal(line.completed, Math.min(total, ...last))
          }
        }
        for (const at of [0, 1]) merge.succeeded(at)
        const [final] = merge.succeeded(2)
        if (final !== undefined) assert.equal(final.line.completed, total)
      }),
    )
  })
})

describe('lines of JSON', () => {
  it('are the same however the bytes are cut', () => {
    const line = fc.record({ status: fc.string() }, { noNullPrototype: true })
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat({ max: 30 })), fc.boolean(), (values, sizes, hasEnd) => {
        const bytes = Buffer.from(
          values.map((each) => JSON.stringify(each)).join('\n') + (hasEnd ? '\n' : ''),
        )
        const lines = new JsonLines(1_000_000)
        const read: unknown[] = []
        let from = 0
        for (const size of sizes) {
          read.push(...(lines.push(bytes.subarray(from, from + size)) ?? []))
          from += size
        }
        read.push(...(lines.push(bytes.subarray(from)) ?? []), ...(lines.end() ?? []))
        assert.deepEqual(read, values)
      }),
    )
  })

  it('must be JSON, and not too long', () => {
    assert.equal(new JsonLines(100).push(Buffer.from('<html>\n')), undefined)
    const lines = new JsonLines(10)
    assert.deepEqual(lines.push(Buffer.from('{"a":')), [])
    assert.equal(lines.push(Buffer.from('"0123456789')), undefined)
  })
})
