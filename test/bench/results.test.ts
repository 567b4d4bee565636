import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { barsOf, isMet } from '../../bench/bars.ts'
import type { Round } from '../../bench/measure.ts'
import { renderReport } from '../../bench/report.ts'
import { addedOf, addedRatioOf, figureOf, type Results, ratioOf } from '../../bench/results.ts'

const megabyte = 1024 * 1024

function round(cpu: number | undefined, latencyP50: number): Round {
  return {
    cpu,
    perSecond: 1000,
    latencyP50,
    latencyP99: latencyP50 * 2,
    delayP50: undefined,
    delayP99: undefined,
  }
}

function resultsOf(
  scenario: string,
  rounds: Readonly<Record<string, readonly Round[]>>,
  more: Partial<Results> = {},
): Results {
  return {
    date: '2026-01-02T03:04:05.000Z',
    node: '24.0.0',
    machine: { cores: [0, 1], cpu: 'Some Processor', kernel: '6.1', load: 0.5 },
    isQuick: false,
    rounds: 3,
    leftOut: [],
    measurements: Object.entries(rounds).map(([target, own]) => ({ scenario, target, rounds: own })),
    memory: [],
    streamMemory: [],
    ...more,
  }
}

/** The machine was twice as slow in the second round. */
const drifting = resultsOf('chat-16', {
  direct: [round(undefined, 10), round(undefined, 20), round(undefined, 10)],
  bare: [round(100, 110), round(200, 220), round(100, 110)],
  olla: [round(110, 130), round(220, 260), round(120, 130)],
})

describe('results', () => {
  it('are medians over the rounds', () => {
    assert.equal(figureOf(drifting, 'chat-16', 'olla', 'cpu'), 120)
    assert.equal(figureOf(drifting, 'chat-16', 'direct', 'cpu'), undefined)
    assert.equal(figureOf(drifting, 'chat-16', 'nginx', 'cpu'), undefined)
    assert.equal(figureOf(drifting, 'chat-64', 'olla', 'cpu'), undefined)
  })

  it('are compared within a round, so that drift cancels out', () => {
    assert.equal(ratioOf(drifting, 'chat-16', 'olla', 'bare', 'cpu'), 1.1)
  })

  it('subtract the direct path from added latency', () => {
    assert.equal(addedOf(drifting, 'chat-16', 'olla', 'latencyP50'), 120)
    assert.equal(addedRatioOf(drifting, 'chat-16', 'olla', 'bare', 'latencyP50'), 1.2)
  })

  it('are not compared with an omitted target', () => {
    assert.equal(ratioOf(drifting, 'chat-16', 'olla', 'nginx', 'cpu'), undefined)
    assert.equal(addedRatioOf(drifting, 'chat-16', 'sherpa', 'bare', 'latencyP50'), undefined)
  })
})

describe('bars', () => {
  const find = (results: Results, name: RegExp) => {
    const found = barsOf(results).find((bar) => name.test(bar.name))
    assert.ok(found, `no bar ${name}`)
    return found
  }

  it('pass up to their limit, and are open without measurements', () => {
    const bar = find(drifting, /^chat JSON 1 KB, 16 connections: CPU over the bare path/)
    assert.equal(bar.value, 1.1)
    assert.equal(isMet(bar), true)
    assert.equal(isMet({ ...bar, value: 1.16 }), false)
    assert.equal(isMet(find(drifting, /nginx/)), undefined)
  })

  it('require a minimum throughput', () => {
    const bar = find(drifting, /requests\/s over 1 thread/)
    assert.equal(isMet({ ...bar, value: 1.69 }), false)
    assert.equal(isMet({ ...bar, value: 1.7 }), true)
  })

  it('compare the memory that open streams add', () => {
    const results = resultsOf(
      'chat-16',
      {},
      {
        streamMemory: [
          {
            target: 'olla',
            baseBytes: 100 * megabyte,
            levels: [{ streams: 1024, residentBytes: 120 * megabyte }],
          },
        ],
      },
    )
    assert.equal(find(results, /per open stream at 1,024/).value, 20)
  })
})

describe('the report', () => {
  it('names the machine and the date, and shows each target beside the bare path', () => {
    const report = renderReport(drifting)
    assert.match(report, /2026-01-02, 2 cores of Some Processor/)
    assert.match(report, /\| chat JSON 1 KB, 16 connections \|\s+100 \(–; –\) \|\s+120 \(1\.10; –\) \|/)
  })

  it('shows memory, passed and failed bars, and what was omitted', () => {
    const memory = [
      { target: 'olla', idleBytes: 90 * megabyte, loadedBytes: 160 * megabyte, peakBytes: 170 * megabyte },
    ]
    const leftOut = [{ target: 'nginx', reason: 'nginx is not installed' }]
    const report = renderReport(resultsOf('chat-16', {}, { memory, leftOut }))
    assert.match(report, /\| gateway, `olla`\s+\|\s+90 \|\s+160 \|\s+170 \|/)
    assert.match(report, /resident idle, MB\s+\|\s+≤ 100 \|\s+90\.0 \|\s+met/)
    assert.match(report, /resident after load, MB\s+\|\s+≤ 150 \|\s+160 \|\s+missed/)
    assert.match(report, /Left out: nginx, nginx is not installed\./)
  })

  it('fails no bar that needs more cores than the machine has', () => {
    const slow = { ...round(100, 110), perSecond: 100 }
    const fast = { ...slow, perSecond: 160 }
    const report = (cores: number[]) => {
      const machine = { ...drifting.machine, cores }
      return renderReport(resultsOf('chat-64', { olla: [slow], 'olla-2': [fast] }, { machine }))
    }
    assert.match(report([0, 1]), /requests\/s over 1 thread\s+\|\s+≥ 1\.7 \|\s+1\.60 \|\s+no room/)
    assert.match(report([0, 1, 2]), /requests\/s over 1 thread\s+\|\s+≥ 1\.7 \|\s+1\.60 \|\s+missed/)
  })

  it('omits tables without figures', () => {
    const report = renderReport(drifting)
    assert.doesNotMatch(report, /Memory|Delay of a chunk|NaN|undefined/)
  })
})
