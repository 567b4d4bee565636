// Fills the endpoints in the order of their price: the next one gets requests when those before it have
// `fullAt` under way.
import Fastify from 'fastify'
import gateway, { type EndpointLoad, type EndpointSelector, parseConfig } from 'olla-gateway'

const fullAt = 4
const pricePerHour: Readonly<Record<string, number>> = { 'own-box': 0.1, rented: 2.5 }

function cheapestFirst(load: EndpointLoad): EndpointSelector {
  return {
    strategy: 'cheapest-first',
    select(candidates, excluded) {
      const able = candidates
        .filter((each) => load.admits(each) && excluded?.has(each.endpoint.slot) !== true)
        .sort((a, b) => (pricePerHour[a.endpoint.name] ?? 1) - (pricePerHour[b.endpoint.name] ?? 1))
      return able.find(({ endpoint }) => load.inFlight(endpoint.slot) < fullAt) ?? able[0]
    },
  }
}

const url = process.env.ENDPOINT_URL ?? 'http://localhost:11434'
const config = parseConfig({
  discovery: {
    static: {
      endpoints: [
        { name: 'rented', url: process.env.RENTED_URL ?? 'http://localhost:8000', type: 'auto' },
        { name: 'own-box', url, type: 'auto' },
      ],
    },
  },
})

const app = Fastify({ logger: true })
await app.register(gateway, { config, selector: cheapestFirst })
await app.listen({ port: Number(process.env.PORT ?? 3000) })
