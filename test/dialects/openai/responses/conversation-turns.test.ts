import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ConversationTurns } from '../../../../src/dialects/openai/responses/conversations/conversation-turns.ts'
import { FakeClock } from '../../../support/fake-clock.ts'

function start() {
  const clock = new FakeClock()
  const peers = {
    thread: 0,
    threads: 1,
    requestAll: async () => [],
    on: () => () => undefined,
    send: () => undefined,
  }
  return { clock, turns: new ConversationTurns({ clock, peers }) }
}

describe('the turns of a conversation', () => {
  it('follow one another in the order of the requests', async () => {
    const { clock, turns } = start()
    const order: number[] = []
    const take = async (at: number) => {
      const end = await turns.take('a')
      assert.ok(end !== undefined)
      order.push(at)
      await Promise.resolve()
      end()
      end()
    }
    await Promise.all([1, 2, 3].map(take))
    assert.deepEqual(order, [1, 2, 3])
    assert.equal(clock.armed, 0)
  })

  it('are refused after two seconds, and separate for each conversation', async () => {
    const { clock, turns } = start()
    const end = await turns.take('a')
    const refused = turns.take('a')
    assert.ok((await turns.take('b')) !== undefined)
    await clock.advance(1_999)
    assert.equal(clock.armed, 1)
    await clock.advance(1)
    assert.equal(await refused, undefined)
    end?.()
    assert.ok((await turns.take('a')) !== undefined)
  })

  it('end with their thread', async () => {
    const { turns } = start()
    const lost = await turns.take('a')
    turns.threadEnded(1)
    const waiting = turns.take('a')
    turns.threadEnded(0)
    const end = await waiting
    assert.ok(end !== undefined)
    lost?.()
    end()
    assert.ok((await turns.take('a')) !== undefined)
  })

  it('end after an hour if their end was lost', async () => {
    const { clock, turns } = start()
    const lost = await turns.take('a')
    await clock.advance(3_600_000)
    const next = await turns.take('a')
    assert.ok(next !== undefined)
    // The late end of a lost turn does not end the next one.
    lost?.()
    const waiting = turns.take('a')
    await clock.advance(2_000)
    assert.equal(await waiting, undefined)
  })

  it('have a maximum number of waiting requests', async () => {
    const { clock, turns } = start()
    await turns.take('a')
    const waiting = Array.from({ length: 100 }, () => turns.take('a'))
    assert.equal(await turns.take('a'), undefined)
    await clock.advance(2_000)
    assert.deepEqual(new Set(await Promise.all(waiting)), new Set([undefined]))
  })
})
