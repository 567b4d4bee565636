/**
 * OpenTelemetry: spans of requests and their attempts, and the metrics of the GenAI semantic conventions, through the
 * package `@opentelemetry/api`. The process configures exporters and the rest of the SDK. Depends on the request
 * context and hooks. Costs nothing if it is not registered.
 */
import type { ServerResponse } from 'node:http'
import fp from 'fastify-plugin'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { version as packageVersion } from '../../src/kernel/package.ts'
import { GenAiMetrics } from '../../src/observe/telemetry/genai-metrics.ts'
import { operationOf } from '../../src/observe/telemetry/operation.ts'
import { RequestTraces, type TelemetryApi } from '../../src/observe/telemetry/request-traces.ts'
import type { RequestContext } from '../../src/proxy/contract/context.ts'

/** Reads `telemetry.traces` and `telemetry.metrics`. */
export interface TelemetryOptions extends Sections<'telemetry'> {
  /** Version of the tracer and the meter. Defaults to the package's version. */
  readonly version?: string
  readonly clock?: Clock
}

const contextKey = Symbol('olla-gateway.telemetry')
type TracedResponse = ServerResponse & { [contextKey]?: RequestContext }

export default fp<TelemetryOptions>(
  async function telemetry(app, options) {
    const api = await loadApi()
    const { telemetry: signals } = readSections(options, ['telemetry'], ['version', 'clock'])
    const { version = packageVersion } = options
    const clock = options.clock ?? systemClock
    const traces = signals.traces
      ? new RequestTraces(api, api.trace.getTracer('olla-gateway', version))
      : undefined
    const metrics = signals.metrics
      ? new GenAiMetrics(api.metrics.getMeter('olla-gateway', version), () => clock.monotonicMs())
      : undefined
    const removals = [traces, metrics].flatMap((hooks) =>
      hooks === undefined ? [] : [app.requestHooks.add(hooks)],
    )
    app.addHook('onClose', function stop(_app, closed) {
      for (const remove of removals) remove()
      closed()
    })

    // Requests that never reach an endpoint end with their response.
    function closed(this: TracedResponse): void {
      const context = this[contextKey]
      if (context === undefined) return
      queueMicrotask(() => traces?.end(context))
    }

    app.addHook('onRequest', function begin(request, reply, next) {
      const { gateway: context, method, url, headers } = request
      if (context.routeClass !== 'proxy') {
        next()
        return
      }
      const mark = url.indexOf('?')
      const path = mark < 0 ? url : url.slice(0, mark)
      const operation = operationOf(path)
      metrics?.begin(context, operation)
      if (traces !== undefined) {
        const arrival = {
          method,
          path,
          route: request.routeOptions.url,
          userAgent: headers['user-agent'],
          operation,
        }
        context.traceId = traces.begin(context, arrival, headers)
        const raw: TracedResponse = reply.raw
        raw[contextKey] = context
        raw.on('close', closed)
      }
      next()
    })
  },
  {
    name: 'gateway-telemetry',
    fastify: '5.x',
    dependencies: ['gateway-request-context', 'gateway-request-hooks'],
  },
)

/** @throws Error if the package is not installed */
async function loadApi(): Promise<TelemetryApi> {
  try {
    return await import('@opentelemetry/api')
  } catch (cause) {
    throw new Error(
      'telemetry.enabled needs the package @opentelemetry/api: npm install @opentelemetry/api',
      {
        cause,
      },
    )
  }
}
