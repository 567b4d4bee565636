import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Cluster } from '../../src/cluster/cluster.ts'
import { PlaceLeases } from '../../src/cluster/places/place-leases.ts'
import { placesScript } from '../../src/cluster/scripts/places.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { FakeLink } from '../support/fake-link.ts'

const timeoutMs = 20
const info = { version: '1', host: 'h', startedAtMs: 0 }
const beat = ['ok', 1, ...['a', 'b'].flatMap((id) => [id, JSON.stringify(info), '{}', 0])]

/** A replica that has joined and holds no place of an endpoint with four. */
async function create() {
  const clock = new FakeClock()
  const fake = new FakeLink()
  const cluster = new Cluster({
    ...{ clock, id: 'a', startId: '1', info, keyPrefix: 'olla', timeoutMs, maxFailures: 3 },
    ...{ retryIntervalMs: 500, heartbeatMs: 400, memberTimeoutMs: 1_500, open: fake.open },
    onState() {},
    onMember() {},
  })
  const shown = { allowed: -1, share: -1 }
  let waiting = 0
  const leases = new PlaceLeases({
    ...{ clock, cluster, memberTimeoutMs: 1_500, timeoutMs },
    inUse: () => 0,
    waiting: () => waiting,
    apply: (_slot, allowed, share) => Object.assign(shown, { allowed, share }),
    leaseUntil() {},
    granted() {},
  })
  const isPlaces = (args: readonly string[]) => args.includes(placesScript.sha)
  fake.answer = (args) => (isPlaces(args) ? ['ok', 0, 0, 1] : beat)
  const freeze = () => {
    fake.answer = () => new Promise(() => {})
  }
  leases.setEndpoints([{ slot: 0, name: 'box', maxConcurrent: 4 }])
  cluster.add(leases)
  leases.start()
  cluster.start()
  fake.connect()
  await clock.advance(100)
  assert.equal(cluster.state, 'joined')
  assert.equal(shown.allowed, 0)
  const want = () => {
    waiting = 1
    leases.wanted(0)
  }
  return { clock, cluster, shown, freeze, want }
}

describe('a replica without a place', () => {
  it('uses its share when the server has not answered for as long as a request may wait', async () => {
    const { clock, cluster, shown, freeze, want } = await create()
    freeze()
    want()
    await clock.advance(timeoutMs - 1)
    assert.equal(cluster.state, 'joined')
    assert.equal(shown.allowed, 0)
    await clock.advance(1)
    assert.equal(cluster.state, 'away')
    assert.equal(shown.allowed, 2)
  })

  it('uses it no later if the call that is under way may take longer', async () => {
    const { clock, shown, freeze, want } = await create()
    freeze()
    // A call for its reserve, for which no request waits.
    await clock.advance(600)
    want()
    await clock.advance(timeoutMs)
    assert.equal(shown.allowed, 2)
  })

  it('waits for the others while the server answers', async () => {
    const { clock, cluster, shown, want } = await create()
    want()
    await clock.advance(1_000)
    assert.equal(cluster.state, 'joined')
    assert.equal(shown.allowed, 0)
  })
})
