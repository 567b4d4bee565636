import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ScanProvider } from '../../../src/endpoints/providers/scan-provider.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { recordReports } from './reports.ts'

function start(answering: Set<string>, count = 3) {
  const clock = new FakeClock()
  const recorded = recordReports()
  let probes = 0
  let most = 0
  let now = 0
  const provider = new ScanProvider({
    targets: Array.from({ length: count }, (_, at) => ({ host: `h${at}`, port: 1 })),
    scheme: 'http',
    intervalMs: 10_000,
    concurrency: 2,
    clock,
    random: () => 0,
    async probe(url) {
      probes++
      most = Math.max(most, ++now)
      await Promise.resolve()
      now--
      return answering.has(url)
    },
  })
  provider.start(recorded.reports)
  return { clock, provider, probes: () => probes, most: () => most, ...recorded }
}

describe('endpoints by a scan of named hosts', () => {
  it('are those that answer', async () => {
    const { clock, urls, probes, most } = start(new Set(['http://h1:1']))
    await clock.advance(0)
    assert.deepEqual(urls(), ['http://h1:1'])
    assert.equal(probes(), 3)
    assert.equal(most(), 2)
  })

  it('leave after three scans without an answer', async () => {
    const answering = new Set(['http://h0:1', 'http://h1:1'])
    const { clock, urls } = start(answering)
    await clock.advance(0)
    answering.delete('http://h0:1')
    await clock.advance(20_000)
    assert.deepEqual(urls(), ['http://h0:1', 'http://h1:1'])
    await clock.advance(10_000)
    assert.deepEqual(urls(), ['http://h1:1'])
    answering.add('http://h0:1')
    await clock.advance(10_000)
    assert.deepEqual(urls(), ['http://h0:1', 'http://h1:1'])
  })

  it('are not reported once stopped', async () => {
    const { clock, provider, found, probes } = start(new Set(), 100)
    provider.stop()
    await clock.advance(60_000)
    assert.equal(probes(), 0)
    assert.equal(found.length, 0)
  })
})
