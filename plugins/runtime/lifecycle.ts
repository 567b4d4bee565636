/**
 * Graceful shutdown. Decorates `gatewayLifecycle`; depends on the event bus. When its signal is aborted, or on close,
 * it reports "not ready", keeps serving for the delay, closes the port, lets requests in flight finish up to the limit
 * and aborts the rest visibly. Meanwhile, answers close their connections.
 */
import { type IncomingMessage, STATUS_CODES } from 'node:http'
import fp from 'fastify-plugin'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { DrainingListener } from '../../src/http/connections/draining-listener.ts'
import { createRequestIds } from '../../src/http/request/request-id.ts'
import { type Clock, persistentClock, systemClock } from '../../src/kernel/clock.ts'
import { GatewayError } from '../../src/kernel/errors.ts'
import { type DrainResult, GatewayLifecycle } from '../../src/runtime/lifecycle/drain.ts'

/** Reads `server.shutdown_timeout` and `server.shutdown_delay`. */
export interface LifecycleOptions extends Sections<'server'> {
  /**
   * The whole answer to a request that the drain refuses before Fastify receives it. Default: the status, without a
   * body.
   */
  readonly refusal?: (error: GatewayError, target: string, requestId: string) => string
  /** Whether the phases are published as events. Default true. */
  readonly announces?: boolean
  /** Starts the drain when it is aborted; without a signal, close does. */
  readonly signal?: AbortSignal | undefined
  /** Called once when all requests are over. */
  readonly onDrained?: ((result: DrainResult) => void) | undefined
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    gatewayLifecycle: GatewayLifecycle
  }
}

/** Idle time after which connections are closed during a drain; at most a fraction of the shutdown timeout. */
const maxQuietMs = 250
const quietPart = 40
/** An incomplete request is refused after this time without a byte. */
const stallMs = 2_000
/** For refused clients: another gateway, or this one after its restart, can serve them at once. */
const retryAfterSeconds = 1

export default fp<LifecycleOptions>(
  async function lifecycle(app, options) {
    const clock = options.clock ?? persistentClock
    const { server } = readSections(
      options,
      ['server'],
      ['refusal', 'announces', 'signal', 'onDrained', 'clock'],
    )
    const timeoutMs = server.shutdownTimeoutMs
    const gatewayLifecycle = new GatewayLifecycle(clock, app.gatewayEvents, {
      timeoutMs,
      delayMs: server.shutdownDelayMs,
      announces: options.announces ?? true,
    })
    app.decorate('gatewayLifecycle', gatewayLifecycle)

    const nextId = createRequestIds()
    const refusal = options.refusal ?? statusAlone
    const refusalError = () => new GatewayError('draining', undefined, { retryAfterSeconds })
    const listener = new DrainingListener(app.server, {
      clock: systemClock,
      quietMs: Math.min(maxQuietMs, timeoutMs / quietPart),
      stallMs,
      error: refusalError,
      refusal: (request: IncomingMessage | undefined) =>
        refusal(refusalError(), request?.url ?? '/', nextId()),
    })
    let drained: Promise<void> | undefined
    function drain(): Promise<void> {
      drained ??= gatewayLifecycle.drain(listener).then((result) => options.onDrained?.(result))
      return drained
    }

    app.addHook('onReady', function ready(next) {
      gatewayLifecycle.ready()
      next()
    })
    app.addHook('preClose', drain)
    const { signal } = options
    // An error here also fails the close.
    const start = () => void drain().catch(() => {})
    if (signal?.aborted === true) start()
    else signal?.addEventListener('abort', start, { once: true })
  },
  { name: 'gateway-lifecycle', fastify: '5.x', dependencies: ['gateway-events'] },
)

function statusAlone({ statusCode }: GatewayError): string {
  const reason = STATUS_CODES[statusCode] ?? ''
  return `HTTP/1.1 ${statusCode} ${reason}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`
}
