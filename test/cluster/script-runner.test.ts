import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ScriptRunner } from '../../src/cluster/connection/script-runner.ts'
import { ServerCircuit } from '../../src/cluster/connection/server-circuit.ts'
import { script } from '../../src/cluster/scripts/script.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { FakeLink } from '../support/fake-link.ts'

const call = { script: script('test', 'return 1'), keys: ['{a}:k'], args: ['x'] }

function create(answer: FakeLink['answer']) {
  const clock = new FakeClock()
  const changes: string[] = []
  const circuit = new ServerCircuit({
    maxFailures: 3,
    onChange: (isOpen, reason) => changes.push(`${isOpen ? 'open' : 'closed'} ${reason}`.trim()),
  })
  const fake = new FakeLink()
  fake.answer = answer
  fake.isReady = true
  const link = fake.open({ onReady() {}, onLost() {}, onMessage() {} })
  const runner = new ScriptRunner({ clock, circuit, link: () => link, timeoutMs: 20 })
  return { clock, circuit, changes, fake, runner }
}

describe('script runner', () => {
  it('sends the digest with keys and arguments', async () => {
    const { runner, fake } = create(() => 'done')
    assert.equal(await runner.run(call), 'done')
    assert.deepEqual(fake.sent, [['EVALSHA', call.script.sha, '1', '{a}:k', 'x']])
  })

  it('sends the source to a server that lacks the script', async () => {
    const { runner, fake } = create(([name]) => {
      if (name === 'EVALSHA') throw new Error('NOSCRIPT No matching script.')
      return 'done'
    })
    assert.equal(await runner.run(call), 'done')
    assert.deepEqual(
      fake.sent.map(([name]) => name),
      ['EVALSHA', 'EVAL'],
    )
    assert.equal(runner.counts.failures, 0)
  })

  it('waits no longer than the timeout, and opens the circuit after n of them', async () => {
    const { runner, clock, changes, fake } = create(() => new Promise(() => {}))
    for (let attempt = 0; attempt < 3; attempt++) {
      const failed = assert.rejects(runner.run(call), /timeout/)
      await clock.advance(20)
      await failed
    }
    assert.deepEqual(changes, ['open timeout'])
    await assert.rejects(runner.run(call), /away/)
    assert.equal(fake.sent.length, 3, 'an open circuit sends nothing')
    assert.equal(runner.counts.timeouts, 3)
  })

  it('reports errors of the server by their code, once', async () => {
    const { runner, changes } = create(() => {
      throw new Error("OOM command not allowed when used memory > 'maxmemory'.")
    })
    for (let attempt = 0; attempt < 3; attempt++)
      await assert.rejects(runner.run(call), /^ServerAwayError: OOM$/)
    assert.deepEqual(changes, ['open OOM'])
  })

  it('closes the circuit after a trial that succeeded', async () => {
    const { runner, circuit, changes } = create(() => 'done')
    circuit.open('ECONNREFUSED')
    assert.equal(await runner.run(call, true), 'done')
    assert.deepEqual(changes, ['open ECONNREFUSED', 'closed'])
  })

  it('ignores an answer that is late', async () => {
    let answer: (value: unknown) => void = () => {}
    const { runner, clock, circuit } = create(() => new Promise((resolve) => (answer = resolve)))
    const failed = assert.rejects(runner.run(call), /timeout/)
    await clock.advance(20)
    await failed
    answer('late')
    await clock.advance(1)
    assert.equal(circuit.isOpen, false)
  })
})
