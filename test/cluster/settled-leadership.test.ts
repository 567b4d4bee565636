import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ClusterState } from '../../src/cluster/contract/status.ts'
import { SettledLeadership } from '../../src/cluster/membership/settled-leadership.ts'
import { FakeClock } from '../support/fake-clock.ts'

describe('SettledLeadership', () => {
  it('leads what has been its own for some time, and never while it joins', async () => {
    const clock = new FakeClock()
    let state: ClusterState = 'joining'
    const replica = (own: string) =>
      new SettledLeadership({ clock, own, state: () => state, settleMs: () => 1_000 })
    const [one, two] = [replica('one'), replica('two')]
    assert.equal(one.leads('box'), false)
    state = 'joined'
    one.members = ['one']
    assert.equal(one.leads('box'), false)
    await clock.advance(1_000)
    assert.equal(one.leads('box'), true)
    const names = Array.from({ length: 50 }, (_, at) => `box-${at}`)
    for (const each of [one, two]) each.members = ['one', 'two']
    for (const name of names) for (const each of [one, two]) each.leads(name)
    await clock.advance(1_000)
    const ofOne = names.filter((name) => one.leads(name))
    const ofTwo = names.filter((name) => two.leads(name))
    assert.deepEqual([...ofOne, ...ofTwo].sort(), names.toSorted())
    assert.ok(ofOne.length > 5 && ofTwo.length > 5)
    // One dies: the other takes over what was not its own, after a while.
    one.members = ['one']
    assert.deepEqual(
      names.filter((name) => one.leads(name)),
      ofOne,
    )
    await clock.advance(1_000)
    assert.equal(
      names.every((name) => one.leads(name)),
      true,
    )
  })

  it('leads everything while the server is away', async () => {
    const clock = new FakeClock()
    let state: ClusterState = 'joined'
    const one = new SettledLeadership({ clock, own: 'one', state: () => state, settleMs: () => 0 })
    one.members = ['two']
    assert.equal(one.leads('box'), false)
    state = 'away'
    assert.equal(one.leads('box'), true)
  })
})
