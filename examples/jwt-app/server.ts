// A Fastify app that has its users already: the gateway stands behind its JWT hook and goes by the user's name.
import jwt from '@fastify/jwt'
import Fastify from 'fastify'
import gateway, { parseConfig } from 'olla-gateway'

declare module '@fastify/jwt' {
  interface FastifyJWT {
    user: { sub: string }
  }
}

const config = parseConfig({
  discovery: {
    static: { endpoints: [{ url: process.env.ENDPOINT_URL ?? 'http://localhost:11434', type: 'auto' }] },
  },
  server: { rate_limits: { per_ip_requests_per_minute: 60 } },
})

const app = Fastify({ logger: true })
await app.register(jwt, { secret: process.env.JWT_SECRET ?? 'change-me-before-anyone-sees-this' })

app.get('/', () => ({ hello: 'world' }))
app.post<{ Body: { user: string } }>('/login', ({ body }) => ({ token: app.jwt.sign({ sub: body.user }) }))

await app.register(async (scope) => {
  scope.addHook('onRequest', async (request) => {
    await request.jwtVerify()
  })
  await scope.register(gateway, { prefix: '/llm', config, identify: ({ user }) => user.sub })
})

await app.listen({ port: Number(process.env.PORT ?? 3000) })
