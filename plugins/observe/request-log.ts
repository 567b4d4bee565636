/**
 * Writes one log line per request when it is over. Depends on the request context. `request_logging: false` installs
 * nothing.
 */
import type { ServerResponse } from 'node:http'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import type { RequestLogger } from '../../src/observe/logging/line-logger.ts'
import { lineLevel, requestLine } from '../../src/observe/logging/request-line.ts'
import { createRequestLineWriter } from '../../src/observe/logging/request-line-text.ts'
import { outcomeOfStatus, type RequestOutcome } from '../../src/proxy/contract/outcome.ts'

/** Reads `server.request_logging`. */
export interface RequestLogOptions extends Sections<'server'> {
  /** Logger for the request lines. Defaults to the app's own logger. */
  readonly logger?: RequestLogger | undefined
  readonly clock?: Clock
}

const requestKey = Symbol('olla-gateway.request')
type LoggedResponse = ServerResponse & { [requestKey]?: FastifyRequest }

export default fp<RequestLogOptions>(
  async function requestLog(app, options) {
    const { server } = readSections(options, ['server'], ['logger', 'clock'])
    const clock = options.clock ?? systemClock
    const logger: RequestLogger = options.logger ?? app.log
    const writeRequestLine = createRequestLineWriter()
    // Every request ends with the close of its response, also if it was hijacked or aborted.
    function closed(this: LoggedResponse): void {
      const request = this[requestKey]
      if (request === undefined) return
      const { gateway: context, method } = request
      context.outcome ??= outcomeOf(this)
      context.status ??= this.headersSent ? this.statusCode : undefined
      const level = lineLevel(context, method)
      if (logger.isLevelEnabled?.(level) === false) return
      const details = { method, url: context.url, userAgent: request.headers['user-agent'] }
      const durationMs = clock.monotonicMs() - context.startedAtMs
      const { composed } = logger
      if (composed === undefined) {
        logger[level](requestLine(context, details, durationMs), 'request')
        return
      }
      composed.begin(level)
      writeRequestLine(composed, context, details, durationMs)
      composed.end('request')
    }

    if (server.requestLogging) {
      app.addHook('onRequest', function watch(request, reply, next) {
        const raw: LoggedResponse = reply.raw
        raw[requestKey] = request
        raw.on('close', closed)
        next()
      })
    }
  },
  {
    name: 'gateway-request-log',
    fastify: '5.x',
    dependencies: ['gateway-request-context'],
  },
)

function outcomeOf(raw: ServerResponse): RequestOutcome {
  if (!raw.writableEnded) return 'client_closed'
  return outcomeOfStatus(raw.statusCode)
}
