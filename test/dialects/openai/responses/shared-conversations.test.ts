import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { MemoryResponseStore } from '../../../../src/dialects/openai/responses/store/memory-store.ts'
import { ownedStores } from '../../../../src/dialects/openai/responses/store/owned-stores.ts'
import {
  SharedConversationStore,
  SharedResponseStore,
} from '../../../../src/dialects/openai/responses/store/shared-store.ts'
import { FakeClock } from '../../../support/fake-clock.ts'
import { connectLinks } from '../../../support/links.ts'

/** The conversations of two threads, each with a memory of its own. */
function threads(t: TestContext) {
  const { first, second } = connectLinks(t, 2)
  const [a, b] = [first, second].map((peers) => {
    const memory = new MemoryResponseStore({
      clock: new FakeClock(),
      maxResponses: 10,
      maxBytes: 100_000,
      ttlMs: 0,
    })
    const conversations = new SharedConversationStore(memory.conversations, peers)
    t.after(conversations.listen())
    return { responses: new SharedResponseStore(memory, peers), conversations }
  })
  assert.ok(a !== undefined && b !== undefined)
  return { a, b }
}

const conversation = { id: 'conv_1', createdAt: 0, metadata: {}, items: [] }
const item = (id: string) => ({ id, text: Buffer.from(`{"id":"${id}"}`) })

describe('conversations of several threads', () => {
  it('are read with every change that any thread has begun', async (t) => {
    const { a, b } = threads(t)
    await a.conversations.create(conversation)
    const changes = [1, 2, 3].map((number) =>
      b.conversations.change('conv_1', { added: [item(`msg_${number}`)] }),
    )
    for (const { conversations } of [a, b]) {
      const found = await conversations.get('conv_1')
      assert.deepEqual(
        found?.items.map(({ id }) => id),
        ['msg_1', 'msg_2', 'msg_3'],
      )
    }
    await Promise.all(changes)
  })

  it('are changed by their owner only', async (t) => {
    const { a, b } = threads(t)
    await ownedStores(a, 'ann').conversations.create(conversation)
    const change = { added: [item('msg_1')] }
    for (const owner of ['bob', undefined])
      assert.equal(await ownedStores(b, owner).conversations.change('conv_1', change), undefined)
    assert.equal((await ownedStores(b, 'ann').conversations.change('conv_1', change))?.items.length, 1)
  })
})
