import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Format } from '../../../../src/dialects/hub/format.ts'
import { ResponseRequests } from '../../../../src/dialects/openai/responses/response-requests.ts'
import { MemoryResponseStore } from '../../../../src/dialects/openai/responses/store/memory-store.ts'
import type { ResponseStore } from '../../../../src/dialects/openai/responses/store/stored.ts'
import { GatewayError } from '../../../../src/kernel/errors.ts'
import { answer, chunk, noBackground, notStreamed, read, usage } from './support.ts'

const memory = () =>
  new MemoryResponseStore({ clock: { monotonicMs: () => 0 }, maxResponses: 9, maxBytes: 1e6, ttlMs: 0 })
const fail = (error: unknown) => assert.fail(String(error))
let ids = 0
const requestsOf = (responses: ResponseStore = memory(), onError: (error: unknown) => void = fail) =>
  new ResponseRequests({
    stores: { responses, conversations: memory().conversations },
    background: noBackground,
    maxRequestBytes: 10_000,
    newId: (prefix) => `${prefix}_${++ids}`,
    nowMs: () => 0,
    onError,
  })
/** Only the name counts. */
const format = (name: string) => ({ name }) as Format
const get = (path: string, caller?: string) => ({ method: 'GET', path, query: '', body: undefined, caller })
const bodyOf = (request: object) => Buffer.from(JSON.stringify(request))

/** Answers a request as the gateway does, with its own IDs, and returns the ID of the response. */
function respond(
  requests: ResponseRequests,
  request: object,
  text: string,
  prefix: string,
  caller?: string,
): string {
  let ids = 0
  const translated = answer(request, [chunk({ content: text }), chunk({}, 'stop', usage(1, 1))], undefined, {
    request: { model: 'm', ...request },
    store: requests.storeFor(format('responses'), { model: 'm', ...request }, caller),
    newId: (kind) => `${kind}_${prefix}${++ids}`,
  })
  return JSON.parse(translated).id
}

describe('requests about stored responses', () => {
  it('continue one another', async () => {
    const requests = requestsOf()
    const first = respond(requests, { input: 'one' }, 'first', 'a')
    const second = { model: 'm', input: 'two', previous_response_id: first, stream: false }
    const expanded = await requests.expand(bodyOf(second))
    assert.ok(expanded !== undefined)
    const texts = read(expanded.whole.input).turns.map((turn) => 'parts' in turn && turn.parts[0])
    assert.deepEqual(
      texts.map((part) => (part && 'text' in part ? part.text : '')),
      ['one', 'first', 'two'],
    )
    const kept = notStreamed(await requests.answer(get(`/v1/responses/${first}`)))
    assert.equal(kept?.status, 'completed')
  })

  it('cost nothing unless they refer to something', () => {
    const requests = requestsOf()
    assert.equal(requests.expand(bodyOf({ model: 'm', input: 'x' })), undefined)
    assert.equal(requests.expand(Buffer.from('{"previous_response_id": ')), undefined)
    assert.equal(requests.answer(get('/v1/models')), undefined)
  })

  it('report an unknown response in the words of OpenAI', () => {
    const error = new GatewayError('path_not_served')
    const found = requestsOf().errorFor('/v1/responses/resp_x', error)
    assert.ok(found instanceof GatewayError)
    assert.deepEqual([found.statusCode, found.message], [404, "Response with id 'resp_x' not found."])
    assert.equal(requestsOf().errorFor('/v1/responses/resp_x/input_items', fail), fail)
  })

  it('store only responses, and none that the client forbids', () => {
    const requests = requestsOf()
    assert.equal(requests.storeFor(format('chat'), {}, undefined), undefined)
    assert.equal(requests.storeFor(format('responses'), { store: false }, undefined), undefined)
    assert.ok(requests.storeFor(format('responses'), {}, undefined) !== undefined)
  })

  it('succeed although the store fails', async () => {
    const { promise, resolve } = Promise.withResolvers<unknown>()
    const broken: ResponseStore = {
      get: async () => undefined,
      withItem: async () => undefined,
      put: async () => Promise.reject(new Error('full')),
      delete: async () => false,
    }
    respond(requestsOf(broken, resolve), { input: 'x' }, 'y', 'b')
    assert.match(String(await promise), /full/)
  })

  it('continue only what belongs to their caller', async () => {
    const requests = requestsOf()
    const id = respond(requests, { input: 'one' }, 'first', 'c', 'ann')
    const next = bodyOf({ model: 'm', input: 'two', previous_response_id: id })
    const callers = ['ann', 'bob', undefined]
    const found = await Promise.all(
      callers.map(async (caller) => [
        (await requests.expand(next, caller)) !== undefined,
        (await requests.answer(get(`/v1/responses/${id}`, caller))) !== undefined,
        (await requests.answer(get(`/v1/responses/${id}/input_items`, caller))) !== undefined,
      ]),
    )
    assert.deepEqual(found, [
      [true, true, true],
      [false, false, false],
      [false, false, false],
    ])
    const reference = bodyOf({ model: 'm', input: [{ type: 'item_reference', id: 'msg_c2' }] })
    assert.match(JSON.stringify((await requests.expand(reference, 'ann'))?.own), /first/)
    assert.doesNotMatch(JSON.stringify((await requests.expand(reference, 'bob'))?.own), /first/)
    const remove = { ...get(`/v1/responses/${id}`, 'bob'), method: 'DELETE' }
    assert.equal(await requests.answer(remove), undefined)
    assert.ok((await requests.answer({ ...remove, caller: 'ann' })) !== undefined)
  })

  it('of which two have one ID are forgotten, because a client could mean either', async () => {
    const requests = requestsOf()
    const keep = async (id: string, item: string) => {
      const output = [{ id: item, type: 'message' }]
      const text = JSON.stringify({ id, status: 'completed', output })
      requests.keepPassed(bodyOf({ input: 'x' }), undefined)?.({ id, text, itemIds: [item] })
      await new Promise(setImmediate)
    }
    const isKnown = async (id: string) => (await requests.answer(get(`/v1/responses/${id}`))) !== undefined
    // Ollama numbers responses and items at random.
    await keep('resp_12', 'msg_34')
    await keep('resp_56', 'msg_34')
    assert.deepEqual([await isKnown('resp_12'), await isKnown('resp_56')], [false, false])
    await keep('resp_78', 'msg_90')
    assert.equal(await isKnown('resp_78'), true)
    await keep('resp_78', 'msg_91')
    assert.equal(await isKnown('resp_78'), false)
  })

  it('are refused if they become too large with what they continue', async () => {
    const requests = requestsOf()
    const id = respond(requests, { input: 'x'.repeat(9_950) }, 'first', 'd')
    const expanded = await requests.expand(bodyOf({ model: 'm', input: 'y', previous_response_id: id }))
    assert.ok(expanded !== undefined)
    assert.throws(() => requests.bodyOf(expanded), {
      code: 'payload_too_large',
      message:
        /^The request has 10\d{3} bytes with the conversation that it continues; the maximum is 10000\.$/,
    })
  })
})
