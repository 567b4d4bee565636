import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SideLink } from '../../src/cluster/documents/side-link.ts'
import { script } from '../../src/cluster/scripts/script.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { FakeLink } from '../support/fake-link.ts'

const call = { script: script('test', 'return 1'), keys: ['{a}:k'], args: [] }

function create() {
  const clock = new FakeClock()
  const fake = new FakeLink()
  fake.answer = () => 'found'
  fake.isReady = false
  const link = new SideLink({ clock, open: fake.open, retryIntervalMs: 1_000 })
  return { clock, fake, link }
}

describe('side link', () => {
  it('lets a lookup wait while its connection is opened', async () => {
    const { fake, link } = create()
    link.joined()
    const found = link.lookUp(call)
    fake.connect()
    assert.equal(await found, 'found')
    assert.equal(fake.sent.length, 1)
  })

  it('lets it wait no longer than a lookup may take, and works once the connection is open', async () => {
    const { clock, fake, link } = create()
    link.joined()
    const failed = assert.rejects(link.lookUp(call), /timeout/)
    await clock.advance(200)
    await failed
    await assert.rejects(link.lookUp(call), /away/)
    fake.connect()
    assert.equal(await link.lookUp(call), 'found')
  })

  it('fails at once before this replica has joined, and after it has left', async () => {
    const { fake, link } = create()
    await assert.rejects(link.lookUp(call), /not connected/)
    link.joined()
    fake.connect()
    link.stop()
    await assert.rejects(link.lookUp(call), /not connected|away/)
  })
})
