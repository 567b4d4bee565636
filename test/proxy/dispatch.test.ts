import assert from 'node:assert/strict'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { describe, it } from 'node:test'
import { ollamaChatFormat } from '../../src/dialects/ollama/chat/format.ts'
import { openai } from '../../src/dialects/openai/index.ts'
import { inspectRequest } from '../../src/dialects/requests/inspect.ts'
import type { ClientFormat } from '../../src/dialects/translate/request-translation.ts'
import { GatewayError } from '../../src/kernel/errors.ts'
import type { JsonObject } from '../../src/kernel/json/json-fields.ts'
import { RequestContext } from '../../src/proxy/contract/context.ts'
import type { ExchangeRequest } from '../../src/proxy/contract/exchange-request.ts'
import type { RequestOutcome } from '../../src/proxy/contract/outcome.ts'
import type { RequestRecord } from '../../src/proxy/contract/request-record.ts'
import { type DispatchedRequest, type DispatchServices, dispatch } from '../../src/proxy/dispatch.ts'
import { outcomeOf, rejected, tierOf } from '../../src/routing/models/outcome.ts'
import type { RoutingOutcome, RoutingRequest } from '../../src/routing/models/routing.ts'
import { endpoint } from '../observe/stats/fixtures.ts'
import { routed } from '../support/exchange.ts'
import { createRegistry } from '../support/registry.ts'

const unknown = rejected('strict', 404, 'model_not_found', 'unknown')
const full = outcomeOf({
  tiers: [tierOf([routed(endpoint({ slot: 0 }))])],
  strategy: 'strict',
  decision: 'routed',
  reason: 'model_found',
  status: 200,
  knowledge: 'found',
})

/** @param outcomes results of the router, one per call */
function start(
  outcomes: readonly RoutingOutcome[],
  options: {
    refreshes?: boolean
    look?: Promise<void>
    immediate?: JsonObject
    applied?: string
    foreign?: GatewayError
  } = {},
) {
  const { clock, registry } = createRegistry([endpoint({ slot: 0 })])
  registry.setStatus(0, 'healthy', '')
  const left = [...outcomes]
  const asked: RoutingRequest[] = []
  const handled: ExchangeRequest[] = []
  const records: RequestRecord[] = []
  const calls: string[] = []
  const refreshes: ((isRead: boolean) => void)[] = []
  const services: DispatchServices = {
    clock,
    options: {
      version: '1',
      viaEntry: '1.1 me',
      refreshTimeoutMs: 500,
      answersCors: false,
      rewriteResponseModel: false,
    },
    registry,
    router: {
      route(request) {
        asked.push(request)
        return left.shift() ?? assert.fail('routed too often')
      },
      wantsRefresh: () => options.refreshes === true && asked.length === 1,
      isUnknown: () => options.look !== undefined && asked.length === 1,
      isListed: () => false,
    },
    modelLookup: { forUnknown: () => options.look },
    discovery: { isRunning: true, refresh: () => new Promise((resolve) => refreshes.push(resolve)) },
    paths: { errorMessageOf: () => undefined },
    load: { retryAfterSeconds: () => 1 },
    addresses: { forwardedFor: (peer) => peer, trusts: () => false },
    hooks: {
      routed: () => void calls.push('routed'),
      over: (_request, outcome: RequestOutcome) => void calls.push(`over ${outcome}`),
    },
    sessions: { refused: () => void calls.push('session') },
    stored: {
      placed(outcome) {
        if (options.foreign !== undefined) throw options.foreign
        return outcome
      },
    },
    streams: undefined,
    translation: {
      variants: () => () => undefined,
      applied: () => options.applied,
    },
    stats: {
      record(record) {
        calls.push('counted')
        records.push(record)
      },
    },
    engine: { handle: (request) => void handled.push(request) },
  }

  const context = new RequestContext('id', clock.monotonicMs(), openai, 'proxy', '10.0.0.1')
  const request: DispatchedRequest = {
    gateway: context,
    method: 'POST',
    protocol: 'http',
    headers: { host: 'gateway', 'x-olla-overhead': '1' },
    socket: { remoteAddress: '10.0.0.1' },
    raw: { rawHeaders: ['Host', 'gateway', 'Content-Type', 'application/json'] },
  }
  const body = Buffer.from('{"model":"some-model"}')
  const target = { path: '/v1/chat/completions', query: '' }
  const inspection = inspectRequest(body, 'application/json', target.path)
  const raw = new ServerResponse(new IncomingMessage(new Socket()))
  const sent: unknown[] = []
  const reply = {
    raw,
    hijack: () => undefined,
    getHeaders: () => ({}),
    header: () => undefined,
    send: (payload: unknown) => void sent.push(payload),
  }
  const client: ClientFormat = {
    format: { ...ollamaChatFormat, immediateAnswer: () => options.immediate },
    mayLackPath: true,
    translates: () => true,
  }
  const read = { provider: undefined, target, body, bodyBytes: body.length, inspection, client }
  const run = () => dispatch(services, read, request, reply)
  return { clock, context, asked, handled, records, calls, refreshes, raw, sent, run }
}

describe('dispatch', () => {
  it('passes a routed request to the engine, with its annotations', async () => {
    const { clock, context, handled, calls, run } = start([full])
    await clock.advance(7)
    run()
    const [request] = handled
    assert.deepEqual([request?.routing, request?.path, handled.length], [full, '/v1/chat/completions', 1])
    assert.deepEqual(calls, ['routed'])
    const { receivedMs, requestBytes, model, wantsOverhead, routingDecision } = context
    assert.deepEqual(
      { receivedMs, requestBytes, model, wantsOverhead, routingDecision },
      {
        receivedMs: 7,
        requestBytes: 22,
        model: 'some-model',
        wantsOverhead: true,
        routingDecision: 'routed',
      },
    )
    assert.equal(request?.headers.join('|').includes('X-Forwarded-For|10.0.0.1'), true)
  })

  it('counts a refused request as an exchange counts a served one, then calls the hooks', async () => {
    const { clock, context, handled, records, calls, run } = start([unknown])
    await clock.advance(30)
    assert.throws(run, { code: 'model_not_found' })
    assert.deepEqual(handled, [])
    assert.deepEqual(calls, ['routed', 'session', 'counted', 'over rejection'])
    assert.deepEqual(records, [
      {
        endpointSlot: undefined,
        model: 'some-model',
        outcome: 'rejection',
        status: 404,
        requestBytes: 22,
        responseBytes: 0,
        durationMs: 30,
        firstByteMs: undefined,
        overheadMs: undefined,
        upstreamMs: undefined,
        promptTokens: undefined,
        completionTokens: undefined,
        answer: undefined,
        attempts: 0,
        queuedMs: undefined,
        queuePosition: undefined,
        completedAtMs: clock.nowMs(),
        routing: 'rejected',
        translation: undefined,
        client: '10.0.0.1',
      },
    ])
    assert.deepEqual([context.status, context.error, context.outcome], [404, 'model_not_found', 'rejection'])
  })

  it('counts a request that names what belongs to another caller as refused', () => {
    const foreign = new GatewayError('not_found', "Response with id 'resp_1' not found.")
    const { context, handled, records, calls, run } = start([full], { foreign })
    assert.throws(run, foreign)
    assert.deepEqual([handled, calls], [[], ['counted', 'over rejection']])
    assert.deepEqual(
      records.map(({ outcome, status }) => [outcome, status]),
      [['rejection', 404]],
    )
    assert.deepEqual([context.status, context.error], [404, 'not_found'])
  })

  const translated: RoutingOutcome = { ...full, translates: true }
  const loaded = { model: 'some-model', done: true, done_reason: 'load' }

  it('answers a request itself that needs no endpoint, and counts it as served', () => {
    const { context, handled, records, calls, sent, run } = start([translated], {
      immediate: loaded,
      applied: 'ollama-chat to chat',
    })
    run()
    assert.deepEqual(sent, [JSON.stringify(loaded)])
    assert.deepEqual([handled, calls], [[], ['routed', 'counted', 'over success']])
    assert.deepEqual([records[0]?.status, records[0]?.endpointSlot], [200, undefined])
    assert.equal(context.responseBytes, JSON.stringify(loaded).length)
  })

  for (const [what, outcome, options] of [
    ['that the first endpoint accepts as it is', translated, { immediate: loaded }],
    ['that no endpoint needs translated', full, { immediate: loaded, applied: 'ollama-chat to chat' }],
    ['that asks for an answer of the model', translated, { applied: 'ollama-chat to chat' }],
  ] as const) {
    it(`hands a request to the engine ${what}`, () => {
      const { handled, sent, run } = start([outcome], options)
      run()
      assert.deepEqual([handled.length, sent], [1, []])
    })
  }

  it('routes again once the model lists have been read', async () => {
    const { clock, asked, handled, refreshes, run } = start([unknown, full], { refreshes: true })
    run()
    assert.deepEqual(handled, [])
    refreshes[0]?.(true)
    await clock.advance(0)
    assert.deepEqual([asked[1]?.refresh, handled.length, clock.armed], ['done', 1, 0])
  })

  it('waits for the model lists until its time limit, by the injected clock', async () => {
    const { clock, asked, sent, run } = start([unknown, unknown], { refreshes: true })
    run()
    await clock.advance(499)
    assert.equal(asked.length, 1)
    await clock.advance(1)
    assert.deepEqual([asked[1]?.refresh, sent.length], ['failed', 1])
  })

  it('joins a lookup that other requests already wait for', async () => {
    const { asked, handled, run } = start([unknown, full], { look: Promise.resolve() })
    run()
    await new Promise(setImmediate)
    assert.deepEqual([asked[1]?.refresh, handled.length], [undefined, 1])
  })

  it('sends nothing for a client that disconnected meanwhile', async () => {
    const { clock, asked, handled, refreshes, raw, sent, run } = start([unknown], { refreshes: true })
    run()
    raw.destroy()
    refreshes[0]?.(true)
    await clock.advance(0)
    assert.deepEqual([asked.length, handled, sent], [1, [], []])
  })
})
