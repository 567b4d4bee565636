import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openaiErrors } from '../../../../src/dialects/openai/errors.ts'
import {
  MemoryResponseStore,
  type MemoryStoreOptions,
} from '../../../../src/dialects/openai/responses/memory-store.ts'
import {
  cancelledResponse,
  expandRequest,
  inputItems,
  isStored,
  type StoredResponse,
  storedResponse,
  unknownResponse,
} from '../../../../src/dialects/openai/responses/stored.ts'
import { GatewayError } from '../../../../src/kernel/errors.ts'
import type { JsonObject } from '../../../../src/kernel/json/json-fields.ts'
import { message, read } from './support.ts'

let nowMs = 0
const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs, after: () => ({ cancel() {} }) }
const storeOf = (options: Partial<MemoryStoreOptions> = {}) =>
  new MemoryResponseStore({ clock, maxResponses: 100, maxBytes: 1_000_000, ttlMs: 0, ...options })

const answerOf = (id: string, text: string): JsonObject => ({
  id,
  output: [{ id: `msg_${id}`, type: 'message', role: 'assistant', content: [{ type: 'output_text', text }] }],
})
let ids = 0
const newId = (prefix: string) => `${prefix}_${++ids}`
const kept = (request: JsonObject, id: string, text = 'a') =>
  storedResponse(request, answerOf(id, text), newId)

/** A store with the conversation resp_1, resp_2. */
async function filled(options?: Partial<MemoryStoreOptions>): Promise<MemoryResponseStore> {
  const store = storeOf(options)
  await store.put(kept({ model: 'm', input: 'one' }, 'resp_1', 'first'))
  await store.put(
    kept({ model: 'm', input: [message('user', 'two')], previous_response_id: 'resp_1' }, 'resp_2', 'second'),
  )
  return store
}

const textsOf = (request: JsonObject) =>
  read(request.input).turns.map((turn) =>
    'parts' in turn ? turn.parts.map((part) => ('text' in part ? part.text : part.kind)).join() : '',
  )

describe('a continued response', () => {
  it('gets all items before it in its input', async () => {
    const request = { model: 'm', input: 'three', previous_response_id: 'resp_2', instructions: 'x' }
    const expanded = await expandRequest(request, await filled())
    assert.deepEqual(textsOf(expanded), ['one', 'first', 'two', 'second', 'three'])
    assert.deepEqual(Object.keys(expanded).sort(), ['input', 'instructions', 'model'])
  })

  it('gets the items that it refers to', async () => {
    const store = await filled()
    for (const reference of [{ type: 'item_reference', id: 'msg_resp_1' }, { id: 'msg_resp_1' }]) {
      const expanded = await expandRequest({ model: 'm', input: [reference, message('user', 'x')] }, store)
      assert.deepEqual(textsOf(expanded), ['first', 'x'])
    }
    const unknown = await expandRequest(
      { model: 'm', input: [{ type: 'item_reference', id: 'msg_x' }] },
      store,
    )
    assert.throws(() => read(unknown.input), /Item with id 'msg_x' not found/)
  })

  it('leaves other requests as they are', async () => {
    const request = { model: 'm', input: [message('user', 'x')] }
    assert.equal(await expandRequest(request, storeOf()), request)
  })

  /** digitalocean/gradient-python#96, vllm-project/vllm#22137 */
  it('is refused in the words of OpenAI if the store does not have it', async () => {
    const store = await filled()
    await store.delete('resp_1')
    for (const id of ['resp_x', 'resp_2']) {
      await assert.rejects(expandRequest({ input: 'x', previous_response_id: id }, store), (error) => {
        assert.ok(error instanceof GatewayError)
        const { error: body } = openaiErrors.body(error, 'req')
        assert.equal(error.statusCode, 400)
        assert.deepEqual(
          [body.message, body.type, body.param, body.code],
          [
            `Previous response with id '${id}' not found.`,
            'invalid_request_error',
            'previous_response_id',
            'previous_response_not_found',
          ],
        )
        return true
      })
    }
  })

  it('continues a conversation', async () => {
    const store = storeOf()
    const conversation: StoredResponse = {
      id: 'conv_1',
      response: {},
      input: [message('user', 'zero')],
      previousId: undefined,
    }
    await store.put(conversation)
    for (const given of ['conv_1', { id: 'conv_1' }]) {
      const expanded = await expandRequest({ input: 'x', conversation: given }, store)
      assert.deepEqual(textsOf(expanded), ['zero', 'x'])
    }
    await assert.rejects(
      expandRequest({ input: 'x', conversation: 'conv_2' }, store),
      /Conversation with id 'conv_2' not found/,
    )
    const both = { input: 'x', conversation: 'conv_1', previous_response_id: 'resp_1' }
    await assert.rejects(expandRequest(both, store), /cannot be used together/)
  })

  it('is stored unless the client forbids it', () => {
    assert.deepEqual(
      [isStored({}), isStored({ store: null }), isStored({ store: true }), isStored({ store: false })],
      [true, true, true, false],
    )
  })
})

describe('input_items', () => {
  it('lists all items, newest first, in pages', async () => {
    const store = await filled()
    const stored = await store.get('resp_2')
    assert.ok(stored !== undefined)
    const all = await inputItems(stored, store, { order: 'asc' })
    const items = all.data as JsonObject[]
    assert.deepEqual(
      items.map(({ role, content }) => [role, (content as { text: string }[])[0]?.text]),
      [
        ['user', 'one'],
        ['assistant', 'first'],
        ['user', 'two'],
      ],
    )
    assert.equal(new Set(items.map(({ id }) => id)).size, 3)
    const page = await inputItems(stored, store, { limit: 2 })
    assert.deepEqual([page.has_more, page.first_id, page.last_id], [true, items[2]?.id, items[1]?.id])
    const rest = await inputItems(stored, store, { limit: 2, after: String(page.last_id) })
    assert.deepEqual([rest.has_more, rest.data], [false, [items[0]]])
  })
})

describe('the store of responses', () => {
  it('evicts the least recently used response beyond its number', async () => {
    const store = storeOf({ maxResponses: 2 })
    for (const id of ['r1', 'r2']) await store.put(kept({ input: 'x' }, id))
    await store.get('r1')
    await store.put(kept({ input: 'x' }, 'r3'))
    assert.deepEqual([await store.get('r2'), store.size], [undefined, 2])
    assert.ok((await store.get('r1')) !== undefined)
  })

  it('stays within its bytes, and does not keep what is larger', async () => {
    const store = storeOf({ maxBytes: 4_000 })
    for (let at = 0; at < 50; at++) {
      await store.put(kept({ input: 'x'.repeat(500) }, `r${at}`))
      assert.ok(store.bytes <= 4_000)
    }
    assert.ok(store.size > 1 && store.size < 8)
    await store.put(kept({ input: 'x'.repeat(5_000) }, 'large'))
    assert.equal(await store.get('large'), undefined)
    assert.equal(await store.item('msg_large'), undefined)
    assert.equal(await store.item('msg_r0'), undefined)
    assert.ok((await store.item('msg_r49')) !== undefined)
  })

  it('forgets responses that were not used for its time', async () => {
    nowMs = 0
    const store = await filled({ ttlMs: 1_000 })
    nowMs = 900
    await store.get('resp_1')
    nowMs = 1_100
    assert.equal(await store.get('resp_2'), undefined)
    assert.equal(await store.item('msg_resp_2'), undefined)
    assert.ok((await store.get('resp_1')) !== undefined)
    nowMs = 0
  })

  it('deletes a response and its items', async () => {
    const store = await filled()
    assert.equal(await store.delete('resp_2'), true)
    assert.equal(await store.delete('resp_2'), false)
    assert.equal(await store.get('resp_2'), undefined)
    assert.equal(await store.item('msg_resp_2'), undefined)
  })

  it('keeps what it was given, whatever happens to it later', async () => {
    const store = storeOf()
    const output = [{ id: 'msg_1', type: 'message' }]
    await store.put({ id: 'r', response: { id: 'r', output }, input: [], previousId: undefined })
    output.pop()
    assert.deepEqual((await store.get('r'))?.response, {
      id: 'r',
      output: [{ id: 'msg_1', type: 'message' }],
    })
  })
})

describe('paths of a response', () => {
  it('report an unknown response and a cancel that comes too late', () => {
    assert.deepEqual(
      [unknownResponse('resp_x').statusCode, unknownResponse('resp_x').message],
      [404, "Response with id 'resp_x' not found."],
    )
    const stored = kept({ input: 'x' }, 'r')
    assert.throws(() => cancelledResponse(stored), { message: 'Cannot cancel a synchronous response.' })
    const background = { ...stored, response: { ...stored.response, background: true } }
    assert.equal(cancelledResponse(background), background.response)
  })
})
