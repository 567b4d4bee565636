import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ollaMetrics } from '../../src/observe/prometheus/olla-metrics.ts'
import { parseExposition } from '../support/exposition-parser.ts'
import { postChat, startGateway } from '../support/gateway.ts'
import { hasPromtool, promtool } from '../support/promtool.ts'
import { eventually, withSimulator } from '../support/simulator.ts'

async function scrape(url: string, accept?: string) {
  const response = await fetch(`${url}/internal/metrics`, {
    headers: accept === undefined ? {} : { accept },
  })
  assert.equal(response.status, 200)
  return { headers: response.headers, text: await response.text() }
}

describe('/internal/metrics', () => {
  it('reports traffic in the Prometheus format', async (t) => {
    const bad = await withSimulator(t, { kind: 'vllm', name: 'bad', models: ['m'] })
    const good = await withSimulator(t, { kind: 'vllm', name: 'good', models: ['m'] })
    const gateway = await startGateway(t, [
      { url: bad.url, name: 'bad "one"\\', type: 'vllm', priority: 200 },
      { url: good.url, name: 'good', type: 'vllm' },
    ])
    await bad.control.setFault({ kind: 'status', status: 503 })
    await (await postChat(gateway.url, { stream: true, max_tokens: 4 })).text()
    await (await postChat(gateway.url, { max_tokens: 3 })).text()
    await (await postChat(gateway.url, { model: 'nobody has this' })).text()
    await eventually(async () => (await scrape(gateway.url)).text.includes('code="404"'))

    const { headers, text } = await scrape(gateway.url)
    assert.equal(headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
    const families = parseExposition(text, 'text')
    const value = (name: string, labels: Record<string, string> = {}) =>
      families
        .flatMap(({ samples }) => samples)
        .find(
          (sample) =>
            sample.name === name &&
            Object.entries(labels).every(([label, wanted]) => sample.labels[label] === wanted),
        )?.value
    assert.equal(value('olla_requests_total', { outcome: 'success', code: '200' }), 2)
    assert.equal(value('olla_requests_total', { outcome: 'rejection', code: '404' }), 1)
    assert.ok((value('olla_failovers_total') ?? 0) >= 1)
    assert.ok((value('olla_endpoint_failovers_total', { endpoint: 'bad "one"\\' }) ?? 0) >= 1)
    assert.equal(value('olla_model_tokens_total', { model: 'm', type: 'completion' }), 7)
    // The whole answer is assembled from a stream, because the endpoint has streamed before.
    assert.equal(value('olla_time_to_first_token_seconds_count'), 2)
    assert.equal(value('olla_endpoint_inter_token_seconds_count', { endpoint: 'good' }), 5)
    assert.ok((value('process_resident_memory_bytes') ?? 0) > 1_000_000)
    t.diagnostic(
      hasPromtool ? 'checked by promtool' : 'promtool is not installed: checked by the own parser only',
    )
    // Olla's own names break rules that ours keep.
    const olla = new Set(ollaMetrics.map(({ name }) => name))
    const complaints = hasPromtool ? promtool(['check', 'metrics'], text).split('\n') : []
    assert.deepEqual(
      complaints.filter((line) => line !== '' && !olla.has(line.split(' ')[0] ?? '')),
      [],
    )
  })

  it('is OpenMetrics on request', async (t) => {
    const gateway = await startGateway(t, [])
    const { headers, text } = await scrape(gateway.url, 'application/openmetrics-text;version=1.0.0')
    assert.equal(headers.get('content-type'), 'application/openmetrics-text; version=1.0.0; charset=utf-8')
    parseExposition(text, 'openmetrics')
  })
})
