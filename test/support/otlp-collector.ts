import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import type { TestContext } from 'node:test'

interface Named {
  readonly name: string
}

/** A collector that keeps the names of what it is sent by OTLP over HTTP, in JSON. */
export interface OtlpCollector {
  readonly url: string
  readonly spans: readonly string[]
  readonly metrics: ReadonlySet<string>
}

export async function withOtlpCollector(t: TestContext): Promise<OtlpCollector> {
  const spans: string[] = []
  const metrics = new Set<string>()
  const server = createServer(async (request, response) => {
    const body = (await json(request)) as {
      resourceSpans?: { scopeSpans: { spans: Named[] }[] }[]
      resourceMetrics?: { scopeMetrics: { metrics: Named[] }[] }[]
    }
    for (const { scopeSpans } of body.resourceSpans ?? [])
      for (const scope of scopeSpans) spans.push(...scope.spans.map(({ name }) => name))
    for (const { scopeMetrics } of body.resourceMetrics ?? [])
      for (const scope of scopeMetrics) for (const { name } of scope.metrics) metrics.add(name)
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, spans, metrics }
}
