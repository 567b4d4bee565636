import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { barsOf, isMet } from '../../bench/bars.ts'
import type { Round } from '../../bench/measure.ts'
import { busyMicros, isNoisy, type Noise } from '../../bench/noise.ts'
import { renderReport } from '../../bench/report.ts'
import {
  addedOf,
  addedRatioOf,
  figureOf,
  joined,
  memoryMedians,
  type Results,
  ratioOf,
  roundsThatAre,
  streamMemoryMedians,
} from '../../bench/results.ts'

const megabyte = 1024 * 1024

const quiet: Noise = { otherCores: 0.02, loopMicros: 1000 }

function round(cpu: number | undefined, latencyP50: number): Round {
  return {
    cpu,
    perSecond: 1000,
    latencyP50,
    latencyP99: latencyP50 * 2,
    delayP50: undefined,
    delayP99: undefined,
    noise: quiet,
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
    processes: 1,
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

describe('noise', () => {
  it('is CPU time of others, or a machine slower than at its best', () => {
    assert.equal(isNoisy(quiet, 1000), false)
    assert.equal(isNoisy({ ...quiet, otherCores: 0.2 }, 1000), true)
    assert.equal(isNoisy({ ...quiet, loopMicros: 1300 }, 1000), true)
  })

  it('counts what keeps the given cores busy, stolen time included', () => {
    const stat = 'cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 1 2 3 1000 1000 4 5 6 0 0\ncpu1 7 0 0 1000 0 0 0 0 0 0\n'
    assert.equal(busyMicros(stat, [0]), 210_000)
    assert.equal(busyMicros(stat, [0, 1]), 280_000)
    assert.equal(busyMicros(stat, [2]), 0)
  })

  it('is reported apart', () => {
    const noisy = { ...round(900, 900), noise: { ...quiet, otherCores: 1 } }
    const report = renderReport(
      resultsOf('chat-16', { bare: [round(100, 110), noisy], olla: [round(110, 130), noisy] }),
    )
    assert.match(report, /2 of 4 were noisy/)
    const [before = '', after = ''] = report.split('### The same in the noisy rounds')
    assert.match(before, /\| chat JSON 1 KB, 16 connections \|\s+100 \(–; –\) \|\s+110 \(1\.10; –\) \|/)
    assert.match(after, /\| chat JSON 1 KB, 16 connections \|\s+900 \(–; –\) \|\s+900 \(1\.00; –\) \|/)
    assert.doesNotMatch(renderReport(drifting), /noisy rounds/)
    assert.match(renderReport(resultsOf('chat-16', { olla: [noisy] })), /No round was quiet(.|\n)*\| +900 \(/)
  })

  it('leaves no pair to compare where one side is noisy', () => {
    const noisy = { ...round(900, 900), noise: { ...quiet, otherCores: 1 } }
    const results = resultsOf('chat-16', { bare: [round(100, 110), noisy], olla: [noisy, round(110, 130)] })
    assert.equal(ratioOf(roundsThatAre(results, 'quiet'), 'chat-16', 'olla', 'bare', 'cpu'), undefined)
  })
})

describe('fresh processes', () => {
  it('add their rounds, and give the median of their memory', () => {
    const one = { scenario: 'chat-16', target: 'olla', rounds: [round(1, 1)] }
    assert.deepEqual(joined([one, { ...one, target: 'bare' }, one]), [
      { ...one, rounds: [round(1, 1), round(1, 1)] },
      { ...one, target: 'bare' },
    ])
    const sizes = [90, 300, 100].map((size) => ({
      target: 'olla',
      idleBytes: size,
      loadedBytes: size + 1,
      peakBytes: size + 2,
    }))
    assert.deepEqual(memoryMedians(sizes), [
      { target: 'olla', idleBytes: 100, loadedBytes: 101, peakBytes: 102 },
    ])
    const streams = [30, 10, 20].map((size) => ({
      target: 'olla',
      baseBytes: 0,
      levels: [{ streams: 1, residentBytes: size }],
    }))
    assert.deepEqual(streamMemoryMedians(streams), [streams[2]])
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
