// Sends a span for every request and each of its attempts, and GenAI metrics, to an OpenTelemetry collector.
import './instrumentation.ts'
import Fastify from 'fastify'
import gateway, { parseConfig } from 'olla-gateway'

const config = parseConfig({
  telemetry: { enabled: true },
  discovery: {
    static: { endpoints: [{ url: process.env.ENDPOINT_URL ?? 'http://localhost:11434', type: 'auto' }] },
  },
})

const app = Fastify({ logger: true })
await app.register(gateway, { config })
await app.listen({ port: Number(process.env.PORT ?? 3000) })
