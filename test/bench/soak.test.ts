import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { renderSamples, type Sample, summarize } from '../../bench/soak-report.ts'
import { trafficBody, trafficKinds, trafficLoad } from '../../bench/soak-traffic.ts'

function samplesOf(memory: (seconds: number) => number): Sample[] {
  return Array.from({ length: 240 }, (_, at) => ({
    seconds: at * 5,
    residentMegabytes: memory(at * 5),
    heapMegabytes: 40,
    openFiles: 100 + (at % 7),
  }))
}

describe('soak samples', () => {
  it('are written as CSV', () => {
    const [first] = samplesOf(() => 120.25)
    assert.ok(first)
    assert.equal(renderSamples([first]), 'seconds,resident_mb,heap_mb,open_files\n0,120.3,40.0,100\n')
  })

  it('show a leak in megabytes per hour', () => {
    const summary = summarize(samplesOf((seconds) => 100 + seconds / 100))
    assert.match(
      summary,
      /^resident: median 104\.5 MB in the second quarter, 110\.5 MB in the last; 36\.0 MB an hour/,
    )
    assert.match(
      summary,
      /^heap: median 40\.0 MB in the second quarter, 40\.0 MB in the last; 0\.0 MB an hour/m,
    )
    assert.match(summary, /^open files: 100 to 106$/m)
  })

  it('do not count the warm-up as a leak', () => {
    const summary = summarize(samplesOf((seconds) => (seconds < 240 ? seconds / 2 : 120)))
    assert.match(summary, /^resident: .* 0\.0 MB an hour/)
  })
})

describe('soak traffic', () => {
  for (const kind of trafficKinds) {
    it(`${kind.name}: a chat request for its model at its rate`, () => {
      const body = JSON.parse(trafficBody(kind)) as { model: string; stream?: boolean }
      assert.equal(body.model, kind.model)
      assert.equal(body.stream ?? false, kind.query.includes('events='))
      const load = trafficLoad(kind, { port: 1, folder: '/tmp', milliseconds: 60_000 })
      assert.equal(load.rate, kind.rate)
      assert.equal(load.leaveAfter, kind.leaveAfter)
      assert.equal(load.anyStatus, true)
    })
  }

  it('contains disconnecting clients, broken streams and failures', () => {
    assert.ok(trafficKinds.some(({ leaveAfter }) => leaveAfter !== undefined))
    assert.ok(trafficKinds.some(({ query }) => query.includes('cut=')))
    assert.ok(trafficKinds.some(({ query }) => query.includes('status=500')))
  })
})
