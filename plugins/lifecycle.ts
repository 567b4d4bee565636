/**
 * Graceful shutdown. Decorates `gatewayLifecycle`; depends on the event bus. On close it reports "not ready",
 * stops the listener, lets requests under way finish up to the limit and ends the rest visibly.
 */
import type { Socket } from 'node:net'
import fp from 'fastify-plugin'
import { type Clock, systemClock } from '../src/clock.ts'
import { type DrainResult, GatewayLifecycle } from '../src/lifecycle/drain.ts'

export interface LifecycleOptions {
  /** Milliseconds that requests may go on after a stop. Default 10,000. */
  readonly shutdownTimeoutMs?: number
  /** Milliseconds between "not ready" and refusing connections. Default 0. */
  readonly shutdownDelayMs?: number
  /** Whether the phases are published as events. Default true. */
  readonly announces?: boolean
  /** Called once at the end of the drain. */
  readonly onDrained?: ((result: DrainResult) => void) | undefined
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    gatewayLifecycle: GatewayLifecycle
  }
}

export default fp<LifecycleOptions>(
  function lifecycle(app, options, done) {
    // A drain must not end early because nothing else keeps the process alive, so its timers are not unref'd.
    const clock = options.clock ?? {
      ...systemClock,
      after(delayMs: number, run: () => void) {
        const timeout = setTimeout(run, delayMs)
        return { cancel: () => clearTimeout(timeout) }
      },
    }
    const gatewayLifecycle = new GatewayLifecycle(clock, app.gatewayEvents, {
      timeoutMs: options.shutdownTimeoutMs ?? 10_000,
      delayMs: options.shutdownDelayMs ?? 0,
      announces: options.announces ?? true,
    })
    app.decorate('gatewayLifecycle', gatewayLifecycle)
    // A connection that a client has opened and never used is not idle for Node: a close would wait for it until
    // the limit for request headers. undici opens one beside each request that it has aborted.
    const sockets = new Set<Socket>()
    app.server.on('connection', (socket: Socket) => {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
    })
    function closeUnused(): void {
      app.server.closeIdleConnections?.()
      for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy()
    }

    app.addHook('onReady', function ready(next) {
      gatewayLifecycle.ready()
      next()
    })
    app.addHook('preClose', async function drain() {
      const { server } = app
      const result = await gatewayLifecycle.drain(() => {
        if (server.listening) server.close()
      }, closeUnused)
      options.onDrained?.(result)
    })
    done()
  },
  { name: 'gateway-lifecycle', fastify: '5.x', dependencies: ['gateway-events'] },
)
