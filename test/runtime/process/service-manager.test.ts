import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ServiceManager } from '../../../src/runtime/process/service-manager.ts'
import { FakeClock } from '../../support/fake-clock.ts'

function manager(env: Record<string, string>, failure?: Error) {
  const clock = new FakeClock()
  const sent: string[] = []
  const failures: unknown[] = []
  const created = ServiceManager.of({
    env,
    pid: 42,
    clock,
    async send(assignments) {
      sent.push(assignments.join(' '))
      if (failure !== undefined) throw failure
    },
    onFailure: (error) => void failures.push(error),
  })
  return { clock, sent, failures, created }
}

const socket = { NOTIFY_SOCKET: '/run/systemd/notify' }
const always = () => true

describe('the service manager', () => {
  it('is off without a socket', () => {
    assert.equal(manager({ WATCHDOG_USEC: '1000000' }).created, undefined)
    assert.equal(manager({ NOTIFY_SOCKET: '' }).created, undefined)
  })

  it('is notified of ready and stopping, with an extended timeout', async () => {
    const { created, sent, clock } = manager(socket)
    created?.ready('listening on http://a', always)
    await clock.advance(600_000)
    created?.stopping(18_000)
    await clock.advance(0)
    assert.deepEqual(sent, [
      'READY=1 STATUS=listening on http://a',
      'STOPPING=1 EXTEND_TIMEOUT_USEC=18000000 STATUS=stopping',
    ])
  })

  it('gets a watchdog ping at half of its interval while all threads respond', async () => {
    const { created, sent, clock } = manager({ ...socket, WATCHDOG_USEC: '10000000', WATCHDOG_PID: '42' })
    let responds = true
    created?.ready('', () => responds)
    await clock.advance(20_000)
    const signs = () => sent.filter((each) => each === 'WATCHDOG=1').length
    assert.equal(signs(), 4)
    responds = false
    await clock.advance(60_000)
    assert.equal(signs(), 4)
    responds = true
    await clock.advance(500)
    assert.equal(signs(), 5)
  })

  for (const [what, env] of [
    ['a watchdog of another process', { WATCHDOG_USEC: '10000000', WATCHDOG_PID: '41' }],
    ['no watchdog', {}],
    ['a watchdog that is off', { WATCHDOG_USEC: '0' }],
    ['nonsense', { WATCHDOG_USEC: 'soon' }],
  ] as const) {
    it(`gets no watchdog pings for ${what}`, async () => {
      const { created, sent, clock } = manager({ ...socket, ...env })
      created?.ready('', always)
      await clock.advance(60_000)
      assert.deepEqual(sent, ['READY=1 STATUS='])
    })
  }

  it('is not notified if the program is missing, which is logged once', async () => {
    const missing = Object.assign(new Error('spawn systemd-notify ENOENT'), { code: 'ENOENT' })
    const { created, sent, failures, clock } = manager({ ...socket, WATCHDOG_USEC: '10000000' }, missing)
    created?.ready('', always)
    await clock.advance(60_000)
    created?.stopping(1)
    await clock.advance(0)
    assert.deepEqual([sent.length, failures.length, clock.armed], [1, 1, 0])
  })

  it('gets further watchdog pings after another failure, to keep the gateway running', async () => {
    const { created, sent, failures, clock } = manager(
      { ...socket, WATCHDOG_USEC: '10000000' },
      new Error('no process can be started'),
    )
    created?.ready('', always)
    await clock.advance(20_000)
    assert.deepEqual([sent.length, failures.length], [5, 1])
  })
})
