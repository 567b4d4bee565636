import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openaiErrors } from '../../../../src/dialects/openai/errors/errors.ts'
import {
  MemoryResponseStore,
  type MemoryStoreOptions,
} from '../../../../src/dialects/openai/responses/store/memory-store.ts'
import { SharedResponseStore } from '../../../../src/dialects/openai/responses/store/shared-store.ts'
import {
  expandRequest,
  isStored,
  type KeptResponse,
} from '../../../../src/dialects/openai/responses/store/stored.ts'
import {
  answerStored,
  responsePath,
  unknownResponse,
} from '../../../../src/dialects/openai/responses/store/stored-views.ts'
import { GatewayError } from '../../../../src/kernel/errors.ts'
import type { JsonObject } from '../../../../src/kernel/json/json-fields.ts'
import { message, notStreamed, read } from './support.ts'

let nowMs = 0
const clock = { monotonicMs: () => nowMs }
const storeOf = (options: Partial<MemoryStoreOptions> = {}) =>
  new MemoryResponseStore({ clock, maxResponses: 100, maxBytes: 1_000_000, ttlMs: 0, ...options })

/** A request expanded with what a store has. */
const expanding = (request: JsonObject, responses: MemoryResponseStore) =>
  expandRequest(request, { responses, conversations: responses.conversations })

const bytes = (value: object) => new TextEncoder().encode(JSON.stringify(value))

function kept(request: JsonObject, id: string, text = 'a', beside: object = {}): KeptResponse {
  const item = {
    id: `msg_${id}`,
    type: 'message',
    role: 'assistant',
    content: [{ type: 'output_text', text }],
  }
  const { previous_response_id: previous } = request
  return {
    id,
    previousId: typeof previous === 'string' ? previous : undefined,
    itemIds: [item.id],
    request: bytes({ model: 'm', ...request }),
    response: bytes({ id, output: [item], ...beside }),
  }
}

/** A store with the conversation resp_1, resp_2. */
async function filled(options?: Partial<MemoryStoreOptions>): Promise<MemoryResponseStore> {
  const store = storeOf(options)
  await store.put(kept({ input: 'one' }, 'resp_1', 'first'))
  const second = { input: [message('user', 'two')], previous_response_id: 'resp_1' }
  await store.put(kept(second, 'resp_2', 'second'))
  return store
}

const textsOf = (request: JsonObject | undefined) =>
  read(request?.input).turns.map((turn) =>
    'parts' in turn ? turn.parts.map((part) => ('text' in part ? part.text : part.kind)).join() : '',
  )

describe('a request that continues a response', () => {
  it('gets all items before it in its input', async () => {
    const request = { model: 'm', input: 'three', previous_response_id: 'resp_2', instructions: 'x' }
    const expanded = await expanding(request, await filled())
    assert.deepEqual(textsOf(expanded?.whole), ['one', 'first', 'two', 'second', 'three'])
    assert.deepEqual(Object.keys(expanded?.whole ?? {}).sort(), ['input', 'instructions', 'model'])
    assert.deepEqual(expanded?.own, { ...request, input: [message('user', 'three')] })
  })

  it('gets the items that it refers to', async () => {
    const store = await filled()
    for (const reference of [{ type: 'item_reference', id: 'msg_resp_1' }, { id: 'msg_resp_1' }]) {
      const request = {
        model: 'm',
        input: [reference, { type: 'item_reference', id: 'rs_x' }, message('user', 'x')],
      }
      const expanded = await expanding(request, store)
      assert.deepEqual(textsOf(expanded?.whole), ['first', 'x'])
      assert.deepEqual(textsOf(expanded?.own), ['first', 'x'])
    }
    const unknown = await expanding({ model: 'm', input: [{ type: 'item_reference', id: 'msg_x' }] }, store)
    assert.throws(() => read(unknown?.whole.input), /Item with id 'msg_x' not found/)
  })

  it('stays as it is if it refers to nothing, or to what the store does not have', async () => {
    const store = await filled()
    assert.equal(await expanding({ model: 'm', input: [message('user', 'x')] }, store), undefined)
    assert.equal(
      await expanding({ model: 'm', input: 'x', previous_response_id: 'resp_x' }, store),
      undefined,
    )
    await store.delete('resp_1')
    assert.equal(
      await expanding({ model: 'm', input: 'x', previous_response_id: 'resp_2' }, store),
      undefined,
    )
  })

  /** digitalocean/gradient-python#96, vllm-project/vllm#22137 */
  it('is refused in the words of OpenAI if it continues an unknown response', () => {
    assert.throws(
      () => read('x', { previous_response_id: 'resp_x' }),
      (error) => {
        assert.ok(error instanceof GatewayError)
        const { error: body } = openaiErrors.body(error, 'req')
        assert.equal(error.statusCode, 400)
        assert.deepEqual(
          [body.message, body.type, body.param, body.code],
          [
            "Previous response with id 'resp_x' not found.",
            'invalid_request_error',
            'previous_response_id',
            'previous_response_not_found',
          ],
        )
        return true
      },
    )
    assert.throws(
      () => read('x', { conversation: { id: 'conv_x' } }),
      /Conversation with id 'conv_x' not found/,
    )
  })

  it('is stored unless the client forbids it', () => {
    const requests = [{}, { store: null }, { store: true }, { store: false }]
    assert.deepEqual(requests.map(isStored), [true, true, true, false])
  })
})

describe('paths of a stored response', () => {
  const ask = async (method: string, path: string, query = '') => {
    const found = responsePath(path)
    assert.ok(found !== undefined)
    return notStreamed(await answerStored(await filled(), method, found, query))
  }

  it('return the response', async () => {
    assert.equal((await ask('GET', '/v1/responses/resp_1'))?.id, 'resp_1')
    assert.equal(await ask('GET', '/v1/responses/resp_x'), undefined)
    await assert.rejects(
      ask('GET', '/v1/responses/resp_1', '?stream=true'),
      /stream: only a response that was created with `background`/,
    )
  })

  it('delete the response', async () => {
    const deleted = { id: 'resp_1', object: 'response', deleted: true }
    assert.deepEqual(await ask('DELETE', '/v1/responses/resp_1'), deleted)
    assert.equal(await ask('DELETE', '/v1/responses/resp_x'), undefined)
  })

  it('list all items that led to it, newest first, in pages', async () => {
    const path = '/v1/responses/resp_2/input_items'
    const all = await ask('GET', path, '?order=asc')
    const items = all?.data as { id: string; role: string; content: { text: string }[] }[]
    assert.deepEqual(
      items.map(({ role, content }) => [role, content[0]?.text]),
      [
        ['user', 'one'],
        ['assistant', 'first'],
        ['user', 'two'],
      ],
    )
    assert.equal(new Set(items.map(({ id }) => id)).size, 3)
    const page = await ask('GET', path, '?limit=2')
    assert.deepEqual([page?.has_more, page?.first_id, page?.last_id], [true, items[2]?.id, items[1]?.id])
    const rest = await ask('GET', path, `?limit=2&after=${items[1]?.id}`)
    assert.deepEqual([rest?.has_more, rest?.data], [false, [items[0]]])
  })

  it('refuse to cancel what has ended, unless it ran in the background', async () => {
    await assert.rejects(ask('POST', '/v1/responses/resp_1/cancel'), {
      message: 'Cannot cancel a synchronous response.',
    })
    const store = storeOf()
    await store.put(kept({ input: 'x' }, 'resp_3', 'a', { background: true }))
    const path = { id: 'resp_3', part: 'cancel' as const }
    assert.equal(notStreamed(await answerStored(store, 'POST', path, ''))?.id, 'resp_3')
  })

  it('are those of the API', () => {
    const paths = ['/v1/responses', '/v1/responses/input_tokens', '/v1/responses/a/b', '/v1/chat/responses/a']
    for (const path of paths) assert.equal(responsePath(path), undefined)
    const { statusCode, message: text } = unknownResponse('resp_x')
    assert.deepEqual([statusCode, text], [404, "Response with id 'resp_x' not found."])
  })
})

describe('the store of responses', () => {
  it('looks at no other response when it stores one, within a second', async () => {
    let reads = 0
    const counting = {
      monotonicMs() {
        reads++
        return nowMs
      },
    }
    const store = storeOf({ clock: counting, ttlMs: 1_000_000 })
    const readsOf = async (id: string) => {
      const before = reads
      await store.put(kept({ input: 'x' }, id))
      return reads - before
    }
    await readsOf('resp_0')
    const first = await readsOf('resp_1')
    for (let at = 2; at < 90; at++) await readsOf(`resp_${at}`)
    assert.equal(await readsOf('resp_90'), first)
  })

  it('evicts the least recently used response beyond its number', async () => {
    const store = storeOf({ maxResponses: 2 })
    for (const id of ['r1', 'r2']) await store.put(kept({ input: 'x' }, id))
    await store.get('r1')
    await store.put(kept({ input: 'x' }, 'r3'))
    assert.deepEqual([await store.get('r2'), store.size], [undefined, 2])
    assert.ok((await store.get('r1')) !== undefined)
  })

  it('stays within its bytes, and does not keep what is larger', async () => {
    const store = storeOf({ maxBytes: 6_000 })
    for (let at = 0; at < 50; at++) {
      await store.put(kept({ input: 'x'.repeat(500) }, `r${at}`))
      assert.ok(store.bytes <= 6_000)
    }
    assert.ok(store.size > 1 && store.size < 8)
    await store.put(kept({ input: 'x'.repeat(7_000) }, 'large'))
    assert.equal(await store.get('large'), undefined)
    assert.equal(await store.withItem('msg_large'), undefined)
    assert.equal(await store.withItem('msg_r0'), undefined)
    assert.ok((await store.withItem('msg_r49')) !== undefined)
  })

  it('forgets responses that were not used for its time', async () => {
    nowMs = 0
    const store = await filled({ ttlMs: 1_000 })
    nowMs = 900
    await store.get('resp_1')
    nowMs = 1_100
    assert.equal(await store.get('resp_2'), undefined)
    assert.equal(await store.withItem('msg_resp_2'), undefined)
    assert.ok((await store.get('resp_1')) !== undefined)
    nowMs = 0
  })

  it('deletes a response and its items', async () => {
    const store = await filled()
    assert.deepEqual([await store.delete('resp_2'), await store.delete('resp_2')], [true, false])
    assert.equal(await store.get('resp_2'), undefined)
    assert.equal(await store.withItem('msg_resp_2'), undefined)
  })

  it('is one for all threads', async () => {
    const handlers = new Map<string, ((data: never) => unknown)[]>()
    const peersOf = () => ({
      threads: 2,
      on(topic: string, handler: (data: never, from: number) => unknown) {
        handlers.set(topic, [...(handlers.get(topic) ?? []), (data) => handler(data, 0)])
        return () => handlers.delete(topic)
      },
      requestAll: async (topic: string, data: unknown) =>
        Promise.all((handlers.get(topic) ?? []).map((handler) => handler(data as never))) as Promise<never[]>,
    })
    const [one, two] = [await filled(), storeOf()].map((own) => new SharedResponseStore(own, peersOf()))
    assert.ok(one !== undefined && two !== undefined)
    const ends = [one.listen(), two.listen()]
    assert.equal((await two.get('resp_1'))?.id, 'resp_1')
    assert.equal((await two.withItem('msg_resp_2'))?.id, 'resp_2')
    assert.equal(await two.get('resp_x'), undefined)
    assert.equal(await two.delete('resp_1'), true)
    assert.equal(await one.get('resp_1'), undefined)
    for (const end of ends) end()
    assert.equal(handlers.size, 0)
  })
})
