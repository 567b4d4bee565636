import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openaiErrors } from '../../../../src/dialects/openai/errors/errors.ts'
import { conversationPath } from '../../../../src/dialects/openai/responses/conversations/conversation-requests.ts'
import { ResponseRequests } from '../../../../src/dialects/openai/responses/response-requests.ts'
import {
  changed,
  maxConversationItems,
} from '../../../../src/dialects/openai/responses/store/conversation-store.ts'
import { MemoryResponseStore } from '../../../../src/dialects/openai/responses/store/memory-store.ts'
import { GatewayError } from '../../../../src/kernel/errors.ts'
import { isObject, type JsonObject, listField } from '../../../../src/kernel/json/json-fields.ts'
import { answer, chunk, noBackground, notStreamed, usage } from './support.ts'

function start(maxBytes = 1_000_000) {
  let ids = 0
  const newId = (prefix: string) => `${prefix}_${++ids}`
  const store = new MemoryResponseStore({
    clock: { monotonicMs: () => 0 },
    maxResponses: 9,
    maxBytes,
    ttlMs: 0,
  })
  const errors: unknown[] = []
  const requests = new ResponseRequests({
    stores: { responses: store, conversations: store.conversations },
    background: noBackground,
    maxRequestBytes: 1_000_000,
    newId,
    nowMs: () => 5_000,
    onError: (error) => errors.push(error),
  })
  const call = async (method: string, path: string, body?: object, caller?: string, query = '') =>
    notStreamed(
      await requests.answer({
        method,
        path: `/v1/conversations${path}`,
        query,
        body: body && Buffer.from(JSON.stringify(body)),
        caller,
      }),
    )
  const respond = async (request: JsonObject, text: string, caller?: string) => {
    const expanded = await requests.expand(Buffer.from(JSON.stringify(request)), caller)
    const translated = answer(
      { input: 'x' },
      [chunk({ content: text }), chunk({}, 'stop', usage(1, 1))],
      undefined,
      {
        request: expanded?.own ?? request,
        store: requests.storeFor({ name: 'responses' }, expanded?.own ?? request, caller),
        newId,
      },
    )
    await new Promise(setImmediate)
    const response: unknown = JSON.parse(translated)
    assert.ok(isObject(response))
    return { expanded, response }
  }
  return { call, respond, requests, store, errors }
}

const textsOf = (items: unknown) =>
  (Array.isArray(items) ? items : []).map((item) => (isObject(item) ? contentOf(item) : undefined))

function contentOf({ content }: JsonObject): unknown {
  if (typeof content === 'string') return content
  const [part] = Array.isArray(content) ? content : []
  return isObject(part) ? part.text : undefined
}

const unknown = { code: 'not_found', message: "Conversation with id 'conv_1' not found." }
const user = (content: string) => ({ type: 'message', role: 'user', content })

describe('conversations', () => {
  it('are created, read, changed and deleted', async () => {
    const { call } = start()
    const made = await call('POST', '', { metadata: { topic: 'a' } })
    assert.deepEqual(made, { id: 'conv_1', object: 'conversation', created_at: 5, metadata: { topic: 'a' } })
    assert.deepEqual(await call('GET', '/conv_1'), made)
    const updated = await call('POST', '/conv_1', { metadata: { topic: 'b' } })
    assert.deepEqual(updated, { ...made, metadata: { topic: 'b' } })
    assert.deepEqual(await call('GET', '/conv_1'), updated)
    const gone = { id: 'conv_1', object: 'conversation.deleted', deleted: true }
    assert.deepEqual(await call('DELETE', '/conv_1'), gone)
    for (const method of ['GET', 'POST', 'DELETE']) await assert.rejects(call(method, '/conv_1', {}), unknown)
  })

  it('contain items', async () => {
    const { call } = start()
    await call('POST', '', { items: [user('one')] })
    const added = await call('POST', '/conv_1/items', {
      items: [user('two'), { ...user('three'), id: 'own' }],
    })
    assert.deepEqual(
      [added?.object, textsOf(added?.data), added?.has_more],
      ['list', ['two', 'three'], false],
    )
    const page = await call('GET', '/conv_1/items', undefined, undefined, '?limit=2')
    assert.deepEqual([textsOf(page?.data), page?.has_more], [['three', 'two'], true])
    const rest = await call('GET', '/conv_1/items', undefined, undefined, `?after=${page?.last_id}`)
    assert.deepEqual([textsOf(rest?.data), rest?.has_more], [['one'], false])
    assert.deepEqual(textsOf([await call('GET', '/conv_1/items/own')]), ['three'])
    assert.equal((await call('DELETE', '/conv_1/items/own'))?.id, 'conv_1')
    await assert.rejects(call('GET', '/conv_1/items/own'), /Item with id 'own' not found/)
    const left = await call('GET', '/conv_1/items', undefined, undefined, '?order=asc')
    assert.deepEqual(textsOf(left?.data), ['one', 'two'])
    const unknown = call('GET', '/conv_1/items', undefined, undefined, '?after=own')
    await assert.rejects(unknown, { code: 'invalid_request' })
  })

  it('grow with each response', async () => {
    const { call, respond } = start()
    await call('POST', '', { items: [user('one')] })
    const first = await respond({ model: 'm', input: 'two', conversation: 'conv_1' }, 'first')
    assert.deepEqual(textsOf(first.expanded?.whole.input), ['one', 'two'])
    assert.equal('conversation' in (first.expanded?.whole ?? {}), false)
    assert.deepEqual(first.response.conversation, { id: 'conv_1' })
    const second = await respond({ model: 'm', input: 'three', conversation: { id: 'conv_1' } }, 'second')
    assert.deepEqual(textsOf(second.expanded?.whole.input), ['one', 'two', 'first', 'three'])
    const page = await call('GET', '/conv_1/items', undefined, undefined, '?order=asc')
    assert.deepEqual(textsOf(page?.data), ['one', 'two', 'first', 'three', 'second'])
    const ids = listField(page ?? {}, 'data').map((item) => isObject(item) && item.id)
    assert.deepEqual([new Set(ids).size, ids.every((id) => typeof id === 'string')], [5, true])
  })

  it('grow although the client forbids to store the response', async () => {
    const { call, respond, requests } = start()
    await call('POST', '')
    const { response } = await respond({ model: 'm', input: 'a', conversation: 'conv_1', store: false }, 'b')
    assert.equal(response.store, false)
    const path = `/v1/responses/${response.id}`
    const asked = { method: 'GET', path, query: '', body: undefined, caller: undefined }
    assert.equal(await requests.answer(asked), undefined)
    assert.equal(listField((await call('GET', '/conv_1/items')) ?? {}, 'data').length, 2)
  })

  it('belong to their caller', async () => {
    const { call, respond } = start()
    await call('POST', '', {}, 'ann')
    for (const caller of ['bob', undefined]) {
      for (const method of ['GET', 'POST', 'DELETE'])
        await assert.rejects(call(method, '/conv_1', {}, caller), unknown)
      await assert.rejects(call('GET', '/conv_1/items', undefined, caller), unknown)
      await assert.rejects(call('POST', '/conv_1/items', { items: [user('x')] }, caller), unknown)
      const request = { model: 'm', input: 'x', conversation: 'conv_1' }
      await assert.rejects(respond(request, 'y', caller), { ...unknown, code: 'invalid_request' })
    }
    const { expanded } = await respond({ model: 'm', input: 'x', conversation: 'conv_1' }, 'y', 'ann')
    assert.deepEqual(textsOf(expanded?.whole.input), ['x'])
    const page = await call('GET', '/conv_1/items', undefined, 'ann', '?order=asc')
    assert.deepEqual(textsOf(page?.data), ['x', 'y'])
  })

  it('exclude previous_response_id, with the code of OpenAI', async () => {
    const { requests } = start()
    const request = { model: 'm', input: 'x', previous_response_id: 'resp_1', conversation: 'conv_1' }
    await assert.rejects(Promise.resolve(requests.expand(Buffer.from(JSON.stringify(request)))), (error) => {
      assert.ok(error instanceof GatewayError)
      assert.equal(openaiErrors.body(error, 'r').error.code, 'mutually_exclusive_parameters')
      return true
    })
  })

  const invalid: readonly (readonly [string, object, RegExp])[] = [
    ['metadata that is no object', { metadata: [] }, /^metadata: /],
    ['a value that is no string', { metadata: { a: 1 } }, /^metadata\.a: /],
    ['a long value', { metadata: { a: 'x'.repeat(513) } }, /^metadata\.a: /],
    ['a long key', { metadata: { ['a'.repeat(65)]: '' } }, /^metadata: keys/],
    ['many members', { metadata: Object.fromEntries(Array.from({ length: 17 }, (_, at) => [at, ''])) }, /16/],
    ['items that are no list', { items: {} }, /^items: must be a list/],
    ['an item that is no object', { items: ['x'] }, /^items\.0: /],
    ['many items', { items: Array.from({ length: 21 }, () => user('x')) }, /at most 20 items/],
  ]
  for (const [name, body, message] of invalid) {
    it(`refuse ${name}`, async () => {
      await assert.rejects(start().call('POST', '', body), { code: 'invalid_request', message })
    })
  }

  const methods: readonly (readonly [string, string])[] = [
    ['GET', ''],
    ['PUT', '/conv_1'],
    ['DELETE', '/conv_1/items'],
    ['POST', '/conv_1/items/x'],
  ]
  for (const [method, path] of methods) {
    it(`refuse ${method} ${path}`, async () => {
      await assert.rejects(start().call(method, path, {}), { code: 'method_not_allowed' })
    })
  }

  it('have a maximum size and number of items', async () => {
    const { call, respond, errors, store } = start(3_000)
    await call('POST', '')
    const items = [user('x'.repeat(3_000))]
    await assert.rejects(call('POST', '/conv_1/items', { items }), { code: 'payload_too_large' })
    await assert.rejects(call('POST', '', { items }), { code: 'payload_too_large' })
    // The response itself is too large to be kept, too.
    await respond({ model: 'm', input: 'x'.repeat(3_000), conversation: 'conv_1' }, 'y')
    assert.match(String(errors[0]), /no room/)
    assert.equal(store.size, 1)
    const one = { id: 'a', text: new Uint8Array() }
    const full = {
      id: 'c',
      createdAt: 0,
      metadata: {},
      items: Array.from({ length: maxConversationItems }, () => one),
    }
    assert.equal(changed(full, { added: [one] }), undefined)
    assert.equal(changed(full, { removed: 'a' })?.items.length, 0)
  })

  it('count toward the size of the store', async () => {
    const { call, store } = start()
    await call('POST', '')
    const before = store.bytes
    await call('POST', '/conv_1/items', { items: [user('x'.repeat(1_000))] })
    assert.ok(store.bytes > before + 1_000)
    await call('POST', '', { metadata: { key: 'x'.repeat(500) } })
    assert.ok(store.bytes > before + 2_000)
  })

  const paths: readonly (readonly [string, unknown])[] = [
    ['', { id: undefined, hasItems: false, itemId: undefined }],
    ['/c', { id: 'c', hasItems: false, itemId: undefined }],
    ['/c/items', { id: 'c', hasItems: true, itemId: undefined }],
    ['/c/items/i', { id: 'c', hasItems: true, itemId: 'i' }],
    ['/c/other', undefined],
    ['/c/items/i/x', undefined],
    ['s', undefined],
  ]
  for (const [path, expected] of paths) {
    it(`have the path /v1/conversations${path}${expected === undefined ? ' not' : ''}`, () => {
      assert.deepEqual(conversationPath(`/v1/conversations${path}`), expected)
    })
  }
})
