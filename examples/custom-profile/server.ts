// A server that speaks the OpenAI API on paths of its own, under `/olla/house/…`.
import Fastify from 'fastify'
import gateway, { type ProfileDocument, parseConfig } from 'olla-gateway'

const house: ProfileDocument = {
  name: 'house',
  display_name: 'House server',
  routing: { prefixes: ['house'] },
  api: {
    openai_compatible: true,
    health_check_path: '/v1/models',
    model_discovery_path: '/v1/models',
  },
}

const config = parseConfig({
  discovery: {
    static: {
      endpoints: [
        { name: 'cellar', url: process.env.ENDPOINT_URL ?? 'http://localhost:11434', type: 'house' },
      ],
    },
  },
})

const app = Fastify({ logger: true })
await app.register(gateway, { config, profiles: [house] })
await app.listen({ port: Number(process.env.PORT ?? 3000) })
