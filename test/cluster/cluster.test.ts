import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Cluster } from '../../src/cluster/cluster.ts'
import { script } from '../../src/cluster/scripts/script.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { FakeLink } from '../support/fake-link.ts'

const info = { version: '1', host: 'h', startedAtMs: 0 }

function create() {
  const clock = new FakeClock()
  const fake = new FakeLink()
  const log: string[] = []
  const cluster = new Cluster({
    clock,
    id: 'a',
    startId: '1',
    info,
    keyPrefix: 'olla',
    timeoutMs: 20,
    maxFailures: 3,
    retryIntervalMs: 500,
    heartbeatMs: 400,
    memberTimeoutMs: 1_500,
    open: fake.open,
    onState: (state, reason) => log.push(`${state} ${reason ?? ''}`.trim()),
    onMember: (id, action) => log.push(`${id} ${action}`),
  })
  return { clock, fake, log, cluster }
}

const members = (...ids: string[]) => ids.flatMap((id) => [id, JSON.stringify(info), '{"e":2}', 0])

describe('cluster', () => {
  it('joins once it is connected', async () => {
    const { clock, fake, log, cluster } = create()
    fake.answer = () => ['ok', 1, ...members('a', 'b')]
    cluster.start()
    await clock.advance(10)
    assert.equal(cluster.state, 'joining')
    fake.connect()
    await clock.advance(1)
    assert.deepEqual(log, ['joined', 'a joined', 'b joined'])
    assert.deepEqual(cluster.memberIds, ['a', 'b'])
    assert.deepEqual(cluster.members[1]?.load, { e: 2 })
    assert.equal(cluster.isMember, true)
  })

  it('replaces a connection that is lost, and is away if that takes longer than a request waits', async () => {
    const { clock, fake, log, cluster } = create()
    const returns: boolean[] = []
    cluster.add({ joined: (isReturn) => returns.push(isReturn) })
    fake.answer = () => ['ok', 1, ...members('a')]
    cluster.start()
    fake.connect()
    await clock.advance(1)
    fake.answer = () => ['ok', 0, ...members('a')]
    fake.lose('ECONNRESET')
    assert.equal(fake.opened, 2)
    fake.connect()
    await clock.advance(30)
    assert.equal(cluster.state, 'joined')
    fake.lose('ECONNRESET')
    await clock.advance(19)
    assert.equal(cluster.state, 'joined')
    await clock.advance(1)
    assert.equal(cluster.state, 'away')
    assert.equal(cluster.isMember, true)
    await clock.advance(1_600)
    assert.equal(cluster.isMember, false)
    fake.connect()
    await clock.advance(1)
    assert.deepEqual(log, ['joined', 'a joined', 'away ECONNRESET', 'joined'])
    assert.deepEqual(returns, [false, true])
    assert.equal(cluster.view().counts.outages, 1)
  })

  it('is away at once when the server refuses another connection', async () => {
    const { clock, fake, cluster } = create()
    fake.answer = () => ['ok', 1, ...members('a')]
    cluster.start()
    fake.connect()
    await clock.advance(1)
    fake.lose('ECONNRESET')
    fake.lose('ECONNREFUSED')
    assert.equal(cluster.state, 'away')
    assert.equal(cluster.view().reason, 'ECONNREFUSED')
  })

  it('sends a call again whose connection is lost', async () => {
    const { clock, fake, cluster } = create()
    fake.answer = () => ['ok', 1, ...members('a')]
    cluster.start()
    fake.connect()
    await clock.advance(1)
    let lose: (error: Error) => void = () => {}
    fake.answer = () => new Promise((_, reject) => (lose = reject))
    const before = fake.sent.length
    const answer = cluster.run({ script: script('test', 'return 1'), keys: ['{a}:k'], args: [] })
    await clock.advance(1)
    fake.isReady = false
    lose(new Error('Socket closed unexpectedly'))
    await clock.advance(1)
    fake.answer = () => 'done'
    fake.connect()
    assert.equal(await answer, 'done')
    const calls = fake.sent.slice(before).filter((args) => args.includes('{a}:k'))
    assert.equal(calls.length, 2)
    assert.deepEqual(calls[0], calls[1])
    assert.equal(cluster.state, 'joined')
  })

  it('is back only when the server answers in the time that a request waits', async () => {
    const { clock, fake, cluster } = create()
    const late = (ms: number) => () =>
      new Promise((resolve) => clock.after(ms, () => resolve(['ok', 0, ...members('a')])))
    fake.answer = late(1)
    cluster.start()
    fake.connect()
    await clock.advance(10)
    cluster.suspect()
    fake.answer = late(30)
    await clock.advance(1_200)
    assert.equal(cluster.state, 'away')
    fake.answer = late(10)
    await clock.advance(600)
    assert.equal(cluster.state, 'joined')
  })

  it('is away when heartbeats are not answered, and opens another connection', async () => {
    const { clock, fake, log, cluster } = create()
    fake.answer = () => ['ok', 1, ...members('a')]
    cluster.start()
    fake.connect()
    await clock.advance(1)
    fake.answer = () => new Promise(() => {})
    await clock.advance(3_000)
    assert.deepEqual(log, ['joined', 'a joined', 'away timeout'])
    const before = fake.opened
    await clock.advance(4_000)
    assert.ok(fake.opened > before)
  })

  it('joins again in another epoch of the server, also if the answer that began it was lost', async () => {
    const { clock, fake, cluster } = create()
    const joins: boolean[] = []
    cluster.add({ joined: (isReturn) => void joins.push(isReturn) })
    fake.answer = () => ['ok', 1, ...members('a'), 1_000, 'first']
    cluster.start()
    fake.connect()
    await clock.advance(1_000)
    assert.equal(cluster.epoch, 'first')
    fake.answer = () => ['ok', 0, ...members('a'), 2_000, 'second']
    await clock.advance(1_000)
    assert.equal(cluster.epoch, 'second')
    assert.equal(joins.at(-1), true)
    const before = joins.length
    await clock.advance(1_000)
    assert.equal(joins.length, before)
  })

  it('does not join members of another schema', async () => {
    const { clock, fake, log, cluster } = create()
    fake.answer = () => ['schema', '7']
    cluster.start()
    fake.connect()
    await clock.advance(1_000)
    assert.deepEqual(log, ['away schema 7'])
    fake.answer = () => ['ok', 1, ...members('a')]
    await clock.advance(1_000)
    assert.deepEqual(log, ['away schema 7', 'joined', 'a joined'])
  })

  it('opens another connection when its server takes no writes any more', async () => {
    const { clock, fake, cluster } = create()
    fake.answer = () => ['ok', 1, ...members('a')]
    cluster.start()
    fake.connect()
    await clock.advance(1)
    fake.answer = () => {
      throw new Error("READONLY You can't write against a read only replica.")
    }
    await clock.advance(2_000)
    assert.ok(fake.opened > 1)
  })

  it('leaves when it stops', async () => {
    const { clock, fake, cluster } = create()
    fake.answer = () => ['ok', 1, ...members('a')]
    cluster.start()
    fake.connect()
    await clock.advance(1)
    await cluster.stop()
    assert.match(String(fake.sent.at(-1)?.join(' ')), /"kind":"left"/)
    assert.equal(cluster.isMember, false)
  })
})
