/**
 * Applies limits to an app's own routes: requests per minute, requests at a time, and whether a budget is used up. What
 * such requests use otherwise is unknown. Decorates nothing; depends on the caller of a request and `callerMeter`. Needs
 * no cleanup on close.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { noInspection } from '../../src/dialects/requests/inspect.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import type { MeteredRequest } from '../../src/proxy/contract/caller-meter.ts'

export interface CallerRequestsOptions {
  readonly clock?: Clock
}

const unread: Pick<MeteredRequest, 'body' | 'inspection'> = { body: null, inspection: noInspection }

export default fp<CallerRequestsOptions>(
  async function callerRequests(app, { clock = systemClock }) {
    const { callerMeter } = app

    function settle({ gateway: context }: FastifyRequest, { statusCode }: FastifyReply): void {
      if (context.charge === undefined || context.charge.isSettled) return
      callerMeter?.settle(context, {
        endpointSlot: undefined,
        model: undefined,
        outcome: 'success',
        status: statusCode,
        requestBytes: 0,
        responseBytes: 0,
        durationMs: clock.monotonicMs() - context.startedAtMs,
        firstByteMs: undefined,
        completedAtMs: clock.nowMs(),
      })
    }

    app.addHook('onRequest', function reserveRequest(request, reply, next) {
      const { gateway: context } = request
      if (context.identity === undefined || callerMeter === undefined) {
        next()
        return
      }
      const before = context.headers.length
      try {
        callerMeter.reserve(context, { path: context.url, ...unread })
      } catch (error) {
        next(error instanceof Error ? error : new Error(String(error)))
        return
      }
      for (let at = before; at < context.headers.length; at += 2)
        reply.header(context.headers[at] ?? '', context.headers[at + 1] ?? '')
      // A client may leave before its answer.
      reply.raw.once('close', () => settle(request, reply))
      next()
    })
    app.addHook('onResponse', function settleRequest(request, reply, next) {
      settle(request, reply)
      next()
    })
  },
  {
    name: 'gateway-caller-requests',
    fastify: '5.x',
    dependencies: ['gateway-caller-keys', 'gateway-caller-limits', 'gateway-request-context'],
  },
)
