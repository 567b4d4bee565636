/**
 * Graceful shutdown. Decorates `gatewayLifecycle`; depends on the event bus. On close it reports "not ready",
 * stops the listener, lets requests under way finish up to the limit and ends the rest visibly.
 */
import type { Socket } from 'node:net'
import fp from 'fastify-plugin'
import { type Clock, systemClock, type Timer } from '../src/clock.ts'
import { type DrainResult, type DrainTarget, GatewayLifecycle } from '../src/lifecycle/drain.ts'

export interface LifecycleOptions {
  /** Milliseconds that requests may go on after a stop. Default 10,000. */
  readonly shutdownTimeoutMs?: number
  /** Milliseconds between "not ready" and refusing connections. Default 0. */
  readonly shutdownDelayMs?: number
  /** Whether the phases are published as events. Default true. */
  readonly announces?: boolean
  /** Called once when all requests are over. */
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

    // A client that does not read the end of its answer keeps its connection, and with it the close.
    const unread: DrainTarget = {
      inFlight: () => unreadSockets().length,
      cutAll() {
        const cut = unreadSockets()
        for (const socket of cut) socket.destroy()
        return cut.length
      },
    }
    function unreadSockets(): Socket[] {
      return [...sockets].filter(({ destroyed, writableLength }) => !destroyed && writableLength > 0)
    }

    let late: Timer | undefined
    let lateCut: Promise<void> | undefined
    function cutLate(): void {
      lateCut = gatewayLifecycle.cutLate(closeUnused, unread)
    }

    app.addHook('onReady', function ready(next) {
      gatewayLifecycle.ready()
      next()
    })
    app.addHook('preClose', async function drain() {
      const { server } = app
      const refuse = () => {
        if (server.listening) server.close()
      }
      await gatewayLifecycle.drain(refuse, closeUnused, unread)
      // A request whose body was still on its way begins only now, and has the rest of the time.
      if (sockets.size > 0) late = clock.after(gatewayLifecycle.leftMs, cutLate)
    })
    app.addHook('onClose', async function report() {
      late?.cancel()
      await lateCut
      if (gatewayLifecycle.result !== undefined) options.onDrained?.(gatewayLifecycle.result)
    })
    done()
  },
  { name: 'gateway-lifecycle', fastify: '5.x', dependencies: ['gateway-events'] },
)
