import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { Topic } from '../../../src/runtime/links/peer-link.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { connectLinks } from '../../support/links.ts'
import { eventually } from '../../support/simulator.ts'

function connected(t: TestContext, threads: number) {
  const clock = new FakeClock()
  const failures: string[] = []
  const onFailure = (error: unknown, topic: string) => void failures.push(`${topic}: ${String(error)}`)
  return { clock, failures, ...connectLinks(t, threads, { clock, onFailure }) }
}

const who: Topic<string, string> = 'who'
const note: Topic<number> = 'note'

describe('links between threads', () => {
  it('know their thread', (t) => {
    const { control, first, second } = connected(t, 2)
    assert.deepEqual(
      [control, first, second].map(({ thread, threads, isControl }) => [thread, threads, isControl]),
      [
        [-1, 2, true],
        [0, 2, false],
        [1, 2, false],
      ],
    )
  })

  it('deliver a broadcast to all except the sender, in order', async (t) => {
    const { control, serving, first } = connected(t, 3)
    const heard = new Map<number, string[]>()
    for (const link of [control, ...serving]) {
      heard.set(link.thread, [])
      link.on(note, (value, from) => void heard.get(link.thread)?.push(`${value} of ${from}`))
    }
    first.broadcast(note, 1)
    first.broadcast(note, 2)
    control.broadcast(note, 3)
    await eventually(() => heard.get(2)?.length === 3 && heard.get(0)?.length === 1)
    assert.deepEqual(heard.get(-1), ['1 of 0', '2 of 0'])
    assert.deepEqual(heard.get(0), ['3 of -1'])
    for (const thread of [1, 2]) {
      assert.deepEqual(heard.get(thread)?.toSorted(), ['1 of 0', '2 of 0', '3 of -1'])
      assert.ok(heard.get(thread)?.indexOf('1 of 0') === (heard.get(thread)?.indexOf('2 of 0') ?? 0) - 1)
    }
  })

  it('send to control only, or to one thread', async (t) => {
    const { control, first, second } = connected(t, 2)
    const heard: string[] = []
    control.on(note, (value, from) => void heard.push(`control heard ${value} of ${from}`))
    first.on(note, (value) => void heard.push(`first heard ${value}`))
    second.on(note, (value) => void heard.push(`second heard ${value}`))
    second.sendToControl(note, 1)
    await eventually(() => heard.length === 1)
    control.send(0, note, 2)
    await eventually(() => heard.length === 2)
    control.sendToControl(note, 3)
    await eventually(() => heard.length === 3)
    first.send(1, note, 4)
    first.send(0, note, 5)
    control.send(9, note, 6)
    await eventually(() => heard.length === 4)
    assert.deepEqual(heard, [
      'control heard 1 of 1',
      'first heard 2',
      'control heard 3 of -1',
      'second heard 4',
    ])
  })

  it('gather the answers of all serving threads in order, from any thread', async (t) => {
    const { control, serving, first, second } = connected(t, 3)
    control.on(who, () => 'control')
    for (const link of serving) {
      link.on(who, async (greeting, from) => {
        // The last answers first.
        for (let turn = 10 * (3 - link.thread); turn > 0; turn--) await new Promise(setImmediate)
        return `${greeting} ${from}, ${link.thread} here`
      })
    }
    for (const [link, from] of [
      [first, 0],
      [second, 1],
      [control, -1],
    ] as const) {
      assert.deepEqual(await link.requestAll(who, 'hello'), [
        `hello ${from}, 0 here`,
        `hello ${from}, 1 here`,
        `hello ${from}, 2 here`,
      ])
    }
    assert.equal(await first.requestControl(who, ''), 'control')
    assert.equal(await control.requestControl(who, ''), 'control')
  })

  it('leave out threads that fail, have no answer or are late', async (t) => {
    const { clock, control, serving, first, failures } = connected(t, 4)
    serving[0]?.on(who, () => 'zero')
    serving[1]?.on(who, () => {
      throw new Error('no')
    })
    serving[2]?.on(who, () => 'two')
    serving[3]?.on(who, () => new Promise<string>(() => {}))
    const answers = first.requestAll(who, '', 100)
    await eventually(() => failures.length === 1)
    // Zero's own and the one that control has left.
    await eventually(() => clock.armed === 2)
    await clock.advance(100)
    assert.deepEqual(await answers, ['zero', 'two'])
    assert.deepEqual(failures, ['who: Error: no'])
    const never = first.requestControl(who, '', 50)
    await clock.advance(50)
    assert.equal(await never, undefined)
    control.on(note, () => new Promise(() => {}))
    const late = first.requestControl(note, 1, 50)
    await clock.advance(50)
    assert.equal(await late, undefined)
    assert.equal(clock.armed, 0)
  })

  it('stop waiting for an ended thread, and reach its replacement', async (t) => {
    const { clock, control, serving, first, second, connect } = connected(t, 2)
    for (const link of serving) link.on(who, () => (link.thread === 1 ? new Promise(() => {}) : 'zero'))
    const answers = first.requestAll(who, '')
    await eventually(() => clock.armed === 2)
    control.disconnect(1)
    assert.deepEqual(await answers, ['zero'])
    assert.deepEqual(await first.requestAll(who, ''), ['zero'])
    second.sendToControl(note, 1)

    const replacement = connect(1)
    replacement.on(who, () => 'one again')
    assert.deepEqual(await first.requestAll(who, ''), ['zero', 'one again'])
  })
})
