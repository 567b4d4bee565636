import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Format } from '../../../../src/dialects/hub/format.ts'
import { ResponseRequests } from '../../../../src/dialects/openai/responses/response-requests.ts'
import { MemoryResponseStore } from '../../../../src/dialects/openai/responses/store/memory-store.ts'
import type { ResponseStore } from '../../../../src/dialects/openai/responses/store/stored.ts'
import { GatewayError } from '../../../../src/kernel/errors.ts'
import { answer, chunk, read, usage } from './support.ts'

const memory = () =>
  new MemoryResponseStore({ clock: { monotonicMs: () => 0 }, maxResponses: 9, maxBytes: 1e6, ttlMs: 0 })
const fail = (error: unknown) => assert.fail(String(error))
const requestsOf = (store: ResponseStore = memory(), onError: (error: unknown) => void = fail) =>
  new ResponseRequests(store, onError)
/** Only the name counts. */
const format = (name: string) => ({ name }) as Format
const bodyOf = (request: object) => Buffer.from(JSON.stringify(request))

/** Answers a request as the gateway does, with its own IDs, and returns the ID of the response. */
function respond(requests: ResponseRequests, request: object, text: string, prefix: string): string {
  let ids = 0
  const whole = answer(request, [chunk({ content: text }), chunk({}, 'stop', usage(1, 1))], undefined, {
    request: { model: 'm', ...request },
    store: requests.storeFor(format('responses'), { model: 'm', ...request }),
    newId: (kind) => `${kind}_${prefix}${++ids}`,
  })
  return JSON.parse(whole).id
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
    const kept = await requests.answer('GET', `/v1/responses/${first}`, '')
    assert.equal(kept?.status, 'completed')
  })

  it('cost nothing unless they refer to something', () => {
    const requests = requestsOf()
    assert.equal(requests.expand(bodyOf({ model: 'm', input: 'x' })), undefined)
    assert.equal(requests.expand(Buffer.from('{"previous_response_id": ')), undefined)
    assert.equal(requests.answer('GET', '/v1/models', ''), undefined)
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
    assert.equal(requests.storeFor(format('chat'), {}), undefined)
    assert.equal(requests.storeFor(format('responses'), { store: false }), undefined)
    assert.ok(requests.storeFor(format('responses'), {}) !== undefined)
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
})
