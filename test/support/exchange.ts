import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { defaultsOf } from '../../src/config/options/sections.ts'
import type { Dialect } from '../../src/dialects/contract/dialect.ts'
import { openai } from '../../src/dialects/openai/index.ts'
import { Shortages } from '../../src/endpoints/connections/shortages.ts'
import { AnswerTimes, answerCells } from '../../src/endpoints/health/answer-times.ts'
import type { Endpoint } from '../../src/endpoints/registry/endpoint.ts'
import { CircuitBreakers } from '../../src/endpoints/resilience/circuit-breakers.ts'
import { circuitCells } from '../../src/endpoints/resilience/circuit-cells.ts'
import { DeadlineSweep } from '../../src/endpoints/resilience/deadline-sweep.ts'
import { RetryPolicy } from '../../src/endpoints/resilience/retry-policy.ts'
import { Http1Server } from '../../src/http/server/server.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import type { GatewayError } from '../../src/kernel/errors.ts'
import { GatewayStats } from '../../src/observe/stats/gateway-stats.ts'
import { readStatsCells } from '../../src/observe/stats/stats-cells.ts'
import type { Caller } from '../../src/proxy/contract/caller.ts'
import type { ClientReply } from '../../src/proxy/contract/client-reply.ts'
import { RequestContext } from '../../src/proxy/contract/context.ts'
import type { ExchangeRequest } from '../../src/proxy/contract/exchange-request.ts'
import type { CarriedAttempt, UpstreamRequest } from '../../src/proxy/contract/transport.ts'
import { Exchange } from '../../src/proxy/exchange/exchange.ts'
import type { ActiveExchange, ExchangeServices } from '../../src/proxy/exchange/exchange-services.ts'
import { WaitingLine } from '../../src/routing/line/waiting-line.ts'
import type { RoutedEndpoint } from '../../src/routing/models/router.ts'
import { loadCells } from '../../src/routing/selection/load-cells.ts'
import { createStrategy } from '../../src/routing/selection/strategies.ts'
import { endpoint } from '../observe/stats/fixtures.ts'
import { liveLoad } from './load.ts'
import { lineOptions, ownQueue } from './queue.ts'
import { createRegistry } from './registry.ts'

/** One attempt as the transport got it; the test plays the endpoint by calling the attempt's callbacks. */
export interface SentAttempt {
  readonly attempt: CarriedAttempt
  readonly request: UpstreamRequest
}

/** One tier of candidates that have the model. */
export function strictRouting(candidates: readonly RoutedEndpoint[]): ExchangeRequest['routing'] {
  return {
    tiers: [{ candidates, spillsWhenFull: false }],
    candidates,
    strategy: 'strict',
    decision: 'routed',
    reason: 'model_found',
    status: 200,
    knowledge: 'found',
  }
}

/** Exchanges over a transport that the test plays, answered through a real response to a real client. */
export function createExchanges(
  t: TestContext,
  settings: readonly Partial<Endpoint>[],
  hooks: Pick<ExchangeServices, 'affinity' | 'observe'> = {},
) {
  const endpoints = settings.map((each, slot) => endpoint({ slot, ...each }))
  const { clock, state, events, registry } = createRegistry(endpoints)
  for (const { slot } of endpoints) registry.setStatus(slot, 'healthy', '')
  const breakers = new CircuitBreakers(registry, state.of(circuitCells).endpoints, { clock, events })
  const load = liveLoad(state, { clock, registry, breakers, health: { retryInMs: () => 0 } })
  const cells = state.of(loadCells)
  const choose = createStrategy('priority', { priorityTiers: true })
  const sent: SentAttempt[] = []
  const active = new DeadlineSweep<ActiveExchange>(clock)
  t.after(() => active.stop())
  const services = {
    clock,
    options: {
      ...defaultsOf('proxy'),
      ...defaultsOf('model_registry'),
      version: '1.2.3',
      responseTimeoutMs: 0,
      readTimeoutMs: 0,
      coldStartTimeoutMs: 0,
      queue: { ...defaultsOf('proxy').queue, maxWaiting: 10, maxWaitMs: 1000 },
      answersCors: false,
      failoverStatuses: new Set([503]),
      gatherBytes: () => 0,
    },
    transport: {
      send(attempt, request) {
        sent.push({ attempt, request })
        attempt.onConnect(() => {})
      },
    },
    selector: {
      select: (candidates, excluded) => choose(candidates, load, excluded),
    },
    load,
    breakers,
    inFlight: cells.inFlight,
    health: { report: () => {} },
    answers: new AnswerTimes(clock, state.of(answerCells).answeredAtMs),
    retries: new RetryPolicy({ maxRetries: 0 }),
    queue: new WaitingLine(lineOptions({ maxWaiting: 10 }), ownQueue(clock)),
    stats: new GatewayStats(readStatsCells(state), (name) => name),
    shortages: new Shortages(clock),
    events,
    active,
    ...hooks,
  } satisfies ExchangeServices
  const candidates = endpoints.map(routed)

  /** Starts a request. `failed` contains the client's errors, `answer` the response. */
  async function begin(
    request: Partial<ExchangeRequest> = {},
    over: ExchangeServices = services,
    dialect: Dialect = openai,
    identity?: Caller,
  ) {
    const context = new RequestContext('id', clock.monotonicMs(), dialect, 'proxy', '127.0.0.1')
    context.model = 'asked'
    context.identity = identity
    const failed: GatewayError[] = []
    const server = new Http1Server({ clock: systemClock }, () => {})
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => {
      server.closeAllConnections()
      server.close()
    })
    const answer = fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    // A test that looks only at what was sent leaves the client without an answer.
    answer.catch(() => {})
    const [, raw] = (await once(server, 'request')) as [unknown, ServerResponse]
    const reply: ClientReply = {
      raw,
      hijack: () => undefined,
      getHeaders: () => ({}),
      header: () => undefined,
      send(payload) {
        failed.push(payload as GatewayError)
        raw.writeHead(500).end()
      },
    }
    const exchange = new Exchange(
      over,
      {
        context,
        method: 'POST',
        path: '/v1/chat/completions',
        query: '',
        body: Buffer.from('{"model":"asked"}'),
        headers: ['Content-Type', 'application/json', 'Accept-Encoding', 'gzip'],
        routing: strictRouting(candidates),
        ...request,
      },
      reply,
    )
    exchange.start()
    return { context, answer, failed, exchange, reply, raw }
  }

  return { clock, registry, cells, load, candidates, sent, services, begin }
}

export function routed(each: Endpoint): RoutedEndpoint {
  return {
    endpoint: each,
    nativeModel: 'native',
    sentModel: undefined,
    isWarm: undefined,
    abilities: undefined,
  }
}

/** Plays a whole answer of an endpoint. */
export function answerWith(
  { attempt }: SentAttempt,
  status: number,
  headers: readonly string[],
  ...chunks: readonly string[]
): void {
  attempt.onHeaders(status, headers, () => {})
  for (const chunk of chunks) attempt.onData(Buffer.from(chunk))
  attempt.onComplete()
}
