// Keeps what has happened to each endpoint, from the gateway's events.
import Fastify from 'fastify'
import gateway, { type GatewayEvent, parseConfig } from 'olla-gateway'

const history: string[] = []

function onEvent(event: GatewayEvent): void {
  const at = new Date(event.atMs).toISOString()
  if (event.type === 'endpoint.status')
    history.push(`${at} ${event.data.endpoint}: ${event.data.from} -> ${event.data.to}, ${event.data.reason}`)
  else if (event.type === 'breaker.transition')
    history.push(`${at} ${event.data.endpoint}: circuit ${event.data.to}, ${event.data.reason}`)
}

const config = parseConfig({
  discovery: {
    static: { endpoints: [{ url: process.env.ENDPOINT_URL ?? 'http://localhost:11434', type: 'auto' }] },
  },
})

const app = Fastify({ logger: true })
await app.register(gateway, { config, onEvent })
app.get('/history', () => history)
await app.listen({ port: Number(process.env.PORT ?? 3000) })
