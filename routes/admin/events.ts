/**
 * `/internal/events`: the gateway's events, as server-sent events that a client can resume; `/internal/samples`: the
 * counters of the last minutes. Uses if present: `configVersions`.
 */

import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { GatewayError } from '../../src/kernel/errors.ts'
import { version as packageVersion } from '../../src/kernel/package.ts'
import { followSections } from '../../src/runtime/configuration/follow.ts'
import { typeFilter } from '../../src/runtime/events/event-subscriber.ts'
import { gatewayEventTypes } from '../../src/runtime/events/events.ts'
import { sseMessage } from '../../src/runtime/events/sse.ts'
import { runCells } from '../../src/runtime/process/process-cells.ts'

/** Reads what the dashboard shows: which features are on, and how requests are sent. */
export interface InternalEventsOptions extends Sections<'proxy' | 'dashboard'> {
  /** Version of the gateway. Defaults to the package's. */
  readonly version?: string
  readonly clock?: Clock
  /** Which of its optional views the dashboard has. Defaults to none. */
  readonly features?: {
    readonly keys: boolean
    readonly usage: boolean
    readonly replicas?: boolean
    readonly discovery?: boolean
  }
}

interface EventsQuery {
  readonly types?: string
  readonly replay?: string
  readonly samples?: string
  readonly last_event_id?: string
}

/** Reconnection delay of browsers; milliseconds. */
const retryMs = 2_000
/** Retry delay for a client that finds no free stream; seconds. */
const retryAfterSeconds = 10

export default fp<InternalEventsOptions>(
  async function internalEvents(app, options) {
    const others = ['version', 'clock', 'features'] as const
    const { proxy, dashboard } = readSections(options, ['proxy', 'dashboard'], others)
    const { eventHub: hub, eventLog: log, gatewaySamples: samples, gatewayPeers: peers } = app
    const versions = app.hasDecorator('configVersions') ? app.configVersions : undefined
    let { loadBalancer: balancer } = proxy
    followSections(versions, ['proxy'], (next) => () => {
      balancer = next.proxy.loadBalancer
    })
    const clock = options.clock ?? systemClock
    const startedAtMs = app.gatewayState.of(runCells).mark.begin(clock.nowMs())

    app.get<{ Querystring: EventsQuery }>(
      '/internal/events',
      { config: { internalAccess: 'gated' }, exposeHeadRoute: false },
      (request, reply) => {
        if (hub.isOver) throw new GatewayError('draining', undefined, { retryAfterSeconds })
        if (!hub.admits()) {
          const message = 'The maximum number of event streams is open.'
          throw new GatewayError('at_capacity', message, { retryAfterSeconds })
        }
        stream(request, reply)
      },
    )
    app.get('/internal/samples', { config: { internalAccess: 'gated' } }, (_request, reply) =>
      reply
        .header('Cache-Control', 'no-store')
        .type('application/json; charset=utf-8')
        .send(`{"sample_interval_ms":${samples.intervalMs},"samples":${samples.json()}}`),
    )

    function stream(
      { query, headers, gateway }: FastifyRequest<{ Querystring: EventsQuery }>,
      reply: FastifyReply,
    ) {
      const { raw } = reply
      reply.hijack()
      for (let at = 0; at < gateway.headers.length; at += 2) {
        raw.setHeader(gateway.headers[at] ?? '', gateway.headers[at + 1] ?? '')
      }
      for (const [name, value] of Object.entries(reply.getHeaders())) {
        if (value !== undefined) raw.setHeader(name, value)
      }
      raw.writeHead(200, {
        'Content-Type': 'text/event-stream; charset=utf-8',
        'Cache-Control': 'no-store',
        // The stream ends with its connection: an idle connection would delay a shutdown.
        Connection: 'close',
        'X-Accel-Buffering': 'no',
        'X-Content-Type-Options': 'nosniff',
      })
      const accepts = typeFilter(query.types)
      const subscriber = hub.subscribe(raw, { accepts, samples: query.samples !== 'false' })
      raw.on('error', () => {})
      raw.on('close', () => hub.unsubscribe(subscriber))
      subscriber.send(`retry: ${retryMs}\n${sseMessage('hello', hello())}`)

      const lastId = singleHeader(headers['last-event-id']) ?? query.last_event_id
      const { events, gap } =
        lastId === undefined ? { events: log.last(countOf(query.replay)), gap: undefined } : log.since(lastId)
      if (gap !== undefined) {
        subscriber.send(sseMessage('gap', { reason: gap.reason, missed: gap.missed ?? null }))
      }
      subscriber.replay(events)
    }

    function hello() {
      return {
        version: options.version ?? packageVersion,
        started_at: new Date(startedAtMs).toISOString(),
        now: new Date(clock.nowMs()).toISOString(),
        threads: peers.threads,
        engine: proxy.engine,
        balancer,
        profile: proxy.profile,
        sample_interval_ms: samples.intervalMs,
        features: {
          cancel: dashboard.allowCancel,
          playground: dashboard.playground,
          recent_requests: dashboard.recentRequests,
          login: app.internalAccess.rules.hasToken,
          keys: options.features?.keys ?? false,
          usage: options.features?.usage ?? false,
          replicas: options.features?.replicas ?? false,
          discovery: options.features?.discovery ?? false,
        },
        last_event_id: log.lastId ?? null,
        event_types: gatewayEventTypes,
      }
    }
  },
  {
    name: 'gateway-routes-internal-events',
    fastify: '5.x',
    encapsulate: true,
    dependencies: [
      'gateway-event-log',
      'gateway-sampler',
      'gateway-internal-access',
      'gateway-peers',
      'gateway-request-context',
      'gateway-state',
    ],
  },
)

/** Six digits exceed the number of events kept. */
function countOf(text: string | undefined): number {
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) : 0
}

function singleHeader(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}
