import type { Context, Span, Tracer } from '@opentelemetry/api'
import type { AttemptEnd, HookedAttempt, HookedRequest, RequestHooks } from '../../proxy/request/hooks.ts'
import {
  arrivalAttributes,
  attemptError,
  describeAttempt,
  describeRequest,
  endpointAttributes,
  errorType,
  type RequestArrival,
} from './attributes.ts'

/** The exports of the OpenTelemetry API package. */
export type TelemetryApi = Pick<
  typeof import('@opentelemetry/api'),
  'context' | 'metrics' | 'propagation' | 'trace' | 'SpanKind' | 'SpanStatusCode'
>

interface RequestTrace {
  readonly span: Span
  readonly context: Context
  readonly arrival: RequestArrival
}

/**
 * Creates a span per request with a child span per attempt. Continues the client's trace and propagates the attempt's
 * span to the endpoint in the format of the process (usually W3C Trace Context).
 */
export class RequestTraces implements RequestHooks {
  readonly #api: TelemetryApi
  readonly #tracer: Tracer
  readonly #requests = new WeakMap<HookedRequest, RequestTrace>()
  readonly #attempts = new WeakMap<HookedAttempt, Span>()

  constructor(api: TelemetryApi, tracer: Tracer) {
    this.#api = api
    this.#tracer = tracer
  }

  /**
   * Starts the span of a request.
   * @param headers of the client, which may contain its trace
   * @returns the trace ID; undefined if the trace is not recorded
   */
  begin(request: HookedRequest, arrival: RequestArrival, headers: object): string | undefined {
    const { context, propagation, trace, SpanKind } = this.#api
    const active = context.active()
    // An instrumented HTTP server has already read the client's trace.
    const parent = trace.getSpan(active) === undefined ? propagation.extract(active, headers) : active
    const span = this.#tracer.startSpan(
      `${arrival.method} ${arrival.route ?? arrival.path}`,
      { kind: SpanKind.SERVER, attributes: arrivalAttributes(request, arrival) },
      parent,
    )
    this.#requests.set(request, { span, context: trace.setSpan(parent, span), arrival })
    return span.isRecording() ? span.spanContext().traceId : undefined
  }

  onAttempt(request: HookedRequest, attempt: HookedAttempt): readonly string[] | undefined {
    const begun = this.#requests.get(request)
    if (begun === undefined) return undefined
    const { propagation, trace, SpanKind } = this.#api
    const { operation } = begun.arrival
    const model = attempt.sentModel ?? request.model
    const verb = operation ?? begun.arrival.method
    const span = this.#tracer.startSpan(
      model === undefined ? verb : `${verb} ${model}`,
      { kind: SpanKind.CLIENT, attributes: endpointAttributes(request, attempt, operation) },
      begun.context,
    )
    this.#attempts.set(attempt, span)
    const carrier: Record<string, string> = {}
    propagation.inject(trace.setSpan(begun.context, span), carrier)
    const headers: string[] = []
    for (const name in carrier) headers.push(name, carrier[name] ?? '')
    return headers
  }

  onAttemptEnd(request: HookedRequest, attempt: HookedAttempt, end: AttemptEnd): void {
    const span = this.#attempts.get(attempt)
    if (span === undefined) return
    this.#attempts.delete(attempt)
    if (span.isRecording()) {
      describeAttempt(span, request, attempt, end)
      if (end.kind === 'failed' || attemptError(end) !== undefined) this.#markFailed(span, end.reason)
    }
    span.end()
  }

  onResponse(request: HookedRequest): void {
    this.end(request)
  }

  /** Ends the span of a request; only the first call counts. */
  end(request: HookedRequest): void {
    const begun = this.#requests.get(request)
    if (begun === undefined) return
    this.#requests.delete(request)
    const { span, arrival } = begun
    if (span.isRecording()) {
      describeRequest(span, request, arrival)
      // A server span is an error only if the server is at fault (HTTP semantic conventions).
      if (request.outcome === 'failure') this.#markFailed(span, errorType(request))
    }
    span.end()
  }

  #markFailed(span: Span, message: string | undefined): void {
    const { ERROR } = this.#api.SpanStatusCode
    span.setStatus(message === undefined ? { code: ERROR } : { code: ERROR, message })
  }
}
