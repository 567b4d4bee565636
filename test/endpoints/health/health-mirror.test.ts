import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { evidenceTopic, HealthMirror, probeNowTopic } from '../../../src/endpoints/health/health-mirror.ts'
import { ProbeRecords, probeCells } from '../../../src/endpoints/health/probe-records.ts'
import { endpoint } from '../../observe/stats/fixtures.ts'
import { connectLinks } from '../../support/links.ts'
import { createRegistry } from '../../support/registry.ts'
import { eventually } from '../../support/simulator.ts'

function create(t: TestContext) {
  const { control, first: link } = connectLinks(t, 2)
  const { state, clock, registry } = createRegistry([endpoint({ slot: 0 })])
  const records = new ProbeRecords(state.of(probeCells))
  const mirror = new HealthMirror({ registry, records, link, clock })
  const heard: unknown[] = []
  control.on(evidenceTopic, (evidence) => void heard.push(evidence))
  return { control, clock, registry, records, mirror, heard }
}

describe('the health of endpoints on a serving thread', () => {
  it('equals what the control thread has written', async (t) => {
    const { clock, registry, records, mirror } = create(t)
    assert.deepEqual(mirror.record(0), {
      lastCheckMs: undefined,
      nextCheckMs: undefined,
      lastLatencyMs: undefined,
      consecutiveFailures: 0,
      lastError: undefined,
    })
    records.checked(0, 1_000, 12.5)
    records.failed(0, 'connection refused')
    records.failed(0, 'timed out')
    records.setNextCheck(0, clock.nowMs() + 3_000)
    assert.deepEqual(mirror.record(0), {
      lastCheckMs: 1_000,
      nextCheckMs: clock.nowMs() + 3_000,
      lastLatencyMs: 12.5,
      consecutiveFailures: 2,
      lastError: 'timed out',
    })
    assert.equal(mirror.retryInMs(0), 3_000)
    await clock.advance(1_000)
    assert.equal(mirror.retryInMs(0), 2_000)
    registry.setStatus(0, 'healthy', 'probe answered')
    assert.equal(mirror.retryInMs(0), 0)
    records.succeeded(0)
    assert.deepEqual([mirror.record(0).consecutiveFailures, mirror.record(0).lastError], [0, undefined])
  })

  it('changes at once with a request’s result, which reaches the prober once', async (t) => {
    const { registry, mirror, heard } = create(t)
    registry.setStatus(0, 'healthy', 'probe answered')
    mirror.report(0, { kind: 'refused' })
    assert.deepEqual(
      [registry.status(0), registry.statusDetail(0).reason],
      ['offline', 'a request was refused'],
    )
    mirror.report(0, { kind: 'refused' })
    mirror.report(0, { kind: 'unreachable' })
    registry.setStatus(0, 'healthy', 'probe answered')
    mirror.report(0, { kind: 'rate_limited', retryAfterMs: 500 })
    assert.equal(registry.status(0), 'rate_limited')
    await eventually(() => heard.length === 2)
    assert.deepEqual(heard, [
      { slot: 0, evidence: { kind: 'refused' } },
      { slot: 0, evidence: { kind: 'rate_limited', retryAfterMs: 500 } },
    ])
  })

  it('can be requested at once', async (t) => {
    const { control, registry, mirror } = create(t)
    control.on(probeNowTopic, async (slot) => registry.setStatus(slot, 'healthy', 'probe answered'))
    await mirror.probeNow(0)
    assert.equal(registry.status(0), 'healthy')
  })
})
