import assert from 'node:assert/strict'
import { before, describe, it, type TestContext } from 'node:test'
import { metrics, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import {
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import { chatBody, openSocket, postChat, startGateway } from '../support/gateway.ts'
import { eventually, lastPost, withSimulator } from '../support/simulator.ts'

const spans = new InMemorySpanExporter()
const measured = new InMemoryMetricExporter(AggregationTemporality.DELTA)
const reader = new PeriodicExportingMetricReader({ exporter: measured, exportIntervalMillis: 3_600_000 })
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const parent = `00-${traceId}-00f067aa0ba902b7-01`

before(() => {
  trace.setGlobalTracerProvider(
    new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: spans })] }),
  )
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }))
})

const on = { telemetry: { enabled: true } }

async function one(t: TestContext, sections: Record<string, Record<string, unknown>> = on) {
  const simulator = await withSimulator(t, { kind: 'vllm', name: 'one', models: ['m'] })
  const gateway = await startGateway(t, [{ url: simulator.url, name: 'box', type: 'vllm' }], sections)
  spans.reset()
  return { simulator, gateway }
}

/** Finished spans of the request, the request's own last. */
async function finished(count: number): Promise<ReadableSpan[]> {
  await eventually(() => spans.getFinishedSpans().length >= count)
  return spans.getFinishedSpans()
}

describe('traces', () => {
  it('continue from the client through the gateway to the endpoint', async (t) => {
    const { simulator, gateway } = await one(t)
    const response = await postChat(
      gateway.url,
      { max_tokens: 3, stream: true },
      { headers: { 'content-type': 'application/json', traceparent: parent, tracestate: 'vendor=1' } },
    )
    await response.text()
    const [attempt, request] = await finished(2)
    assert.equal(request?.kind, SpanKind.SERVER)
    assert.equal(request?.name, 'POST /v1/*')
    assert.equal(request?.spanContext().traceId, traceId)
    assert.equal(request?.parentSpanContext?.spanId, '00f067aa0ba902b7')
    assert.partialDeepStrictEqual(request?.attributes, {
      'http.request.method': 'POST',
      'url.path': '/v1/chat/completions',
      'http.response.status_code': 200,
      'gen_ai.operation.name': 'chat',
      'gen_ai.request.model': 'm',
      'gen_ai.usage.input_tokens': 1,
      'gen_ai.usage.output_tokens': 3,
      'olla.outcome': 'success',
      'olla.endpoint': 'box',
      'olla.attempts': 1,
      'olla.routing.reason': 'model_found',
    })
    assert.equal(attempt?.kind, SpanKind.CLIENT)
    assert.equal(attempt?.name, 'chat m')
    assert.equal(attempt?.parentSpanContext?.spanId, request?.spanContext().spanId)
    assert.partialDeepStrictEqual(attempt?.attributes, {
      'gen_ai.provider.name': 'vllm',
      'server.address': '127.0.0.1',
      'server.port': simulator.port,
      'http.response.status_code': 200,
      'gen_ai.usage.output_tokens': 3,
      'olla.attempt': 1,
      'olla.attempt.result': 'answered',
    })
    const sent = lastPost(simulator)
    assert.equal(sent?.header('traceparent'), `00-${traceId}-${attempt?.spanContext().spanId}-01`)
    assert.equal(sent?.header('tracestate'), 'vendor=1')
  })

  it('have a span for each attempt, the failed ones marked', async (t) => {
    const bad = await withSimulator(t, { kind: 'vllm', name: 'bad', models: ['m'] })
    const good = await withSimulator(t, { kind: 'vllm', name: 'good', models: ['m'] })
    const gateway = await startGateway(
      t,
      [
        { url: bad.url, name: 'bad', type: 'vllm', priority: 200 },
        { url: good.url, name: 'good', type: 'vllm' },
      ],
      on,
    )
    await bad.control.setFault({ kind: 'status', status: 503 })
    spans.reset()
    await (await postChat(gateway.url)).text()
    const [first, second, request] = await finished(3)
    assert.equal(first?.status.code, SpanStatusCode.ERROR)
    assert.partialDeepStrictEqual(first?.attributes, {
      'olla.endpoint': 'bad',
      'error.type': '503',
      'http.response.status_code': 503,
      'olla.attempt.result': 'failed',
    })
    assert.partialDeepStrictEqual(second?.attributes, { 'olla.endpoint': 'good', 'olla.attempt': 2 })
    assert.equal(second?.status.code, SpanStatusCode.UNSET)
    assert.equal(request?.status.code, SpanStatusCode.UNSET)
    assert.equal(request?.attributes['olla.attempts'], 2)
  })

  it('include requests that reach no endpoint', async (t) => {
    const { gateway } = await one(t, { ...on, server: { request_limits: { max_body_size: 1_000 } } })
    await (await postChat(gateway.url, { model: 'nobody' })).text()
    const [unknown] = await finished(1)
    assert.partialDeepStrictEqual(unknown?.attributes, {
      'http.response.status_code': 404,
      'error.type': 'model_not_found',
      'olla.outcome': 'rejection',
    })
    assert.equal(unknown?.status.code, SpanStatusCode.UNSET)
    spans.reset()
    await (await postChat(gateway.url, { messages: 'x'.repeat(2_000) })).text()
    const [refused] = await finished(1)
    assert.equal(refused?.attributes['http.response.status_code'], 413)
  })

  it('end when the client leaves', async (t) => {
    const simulator = await withSimulator(t, {
      kind: 'vllm',
      name: 'slow',
      models: ['m'],
      tokensPerSecond: 20,
    })
    const gateway = await startGateway(t, [{ url: simulator.url, type: 'vllm' }], on)
    spans.reset()
    const body = chatBody({ stream: true, max_tokens: 1_000 })
    const socket = await openSocket(gateway.port)
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
    await new Promise((resolve) => socket.once('data', resolve))
    socket.destroy()
    const [attempt, request] = await finished(2)
    assert.equal(attempt?.attributes['olla.attempt.result'], 'abandoned')
    assert.partialDeepStrictEqual(request?.attributes, {
      'olla.outcome': 'client_closed',
      'error.type': 'client_closed',
    })
  })

  it('pass through unchanged if telemetry is off', async (t) => {
    const { simulator, gateway } = await one(t, {})
    const headers = { 'content-type': 'application/json', traceparent: parent }
    await (await postChat(gateway.url, {}, { headers })).text()
    assert.equal(lastPost(simulator)?.header('traceparent'), parent)
    assert.equal(spans.getFinishedSpans().length, 0)
  })
})

describe('the metrics of the GenAI conventions', () => {
  it('measure the request as a server and its attempt as a client', async (t) => {
    const { gateway } = await one(t)
    await reader.forceFlush()
    measured.reset()
    await (await postChat(gateway.url, { max_tokens: 5, stream: true })).text()
    await finished(2)
    await reader.forceFlush()
    const points = new Map(
      measured
        .getMetrics()
        .flatMap(({ scopeMetrics }) => scopeMetrics)
        .flatMap((scope) => scope.metrics)
        .map(({ descriptor, dataPoints }) => [descriptor.name, { unit: descriptor.unit, dataPoints }]),
    )
    assert.deepEqual(
      [...points].map(([name, { unit, dataPoints }]) => [name, unit, dataPoints.length]).sort(),
      [
        ['gen_ai.client.operation.duration', 's', 1],
        ['gen_ai.client.token.usage', '{token}', 2],
        ['gen_ai.server.request.duration', 's', 1],
        ['gen_ai.server.time_per_output_token', 's', 1],
        ['gen_ai.server.time_to_first_token', 's', 1],
      ],
    )
    const tokens = points.get('gen_ai.client.token.usage')?.dataPoints ?? []
    assert.deepEqual(
      tokens.map(({ attributes, value }) => [
        attributes['gen_ai.token.type'],
        (value as { sum?: number }).sum,
      ]),
      [
        ['input', 1],
        ['output', 5],
      ],
    )
    assert.partialDeepStrictEqual(points.get('gen_ai.server.request.duration')?.dataPoints[0]?.attributes, {
      'gen_ai.operation.name': 'chat',
      'gen_ai.request.model': 'm',
    })
  })
})
