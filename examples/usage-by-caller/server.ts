// Counts the tokens of each caller, and tells endpoints who asks.
import Fastify from 'fastify'
import gateway, { type HookedRequest, parseConfig } from 'olla-gateway'

const tokens = new Map<string, number>()
const keys: ReadonlyMap<string, string> = new Map([
  ['key-1', 'alice'],
  ['key-2', 'bob'],
])

function callerOf({ caller }: HookedRequest): string {
  return caller ?? 'nobody'
}

const config = parseConfig({
  discovery: {
    static: { endpoints: [{ url: process.env.ENDPOINT_URL ?? 'http://localhost:11434', type: 'auto' }] },
  },
})

const app = Fastify({ logger: true })
await app.register(gateway, {
  config,
  identify({ headers }) {
    const name = keys.get(headers.authorization?.replace('Bearer ', '') ?? '')
    if (name === undefined) throw new Error('unknown key')
    return name
  },
  hooks: {
    onAttempt: (request) => ['X-Caller', callerOf(request)],
    onUsage(request, { promptTokens = 0, completionTokens = 0 }) {
      const caller = callerOf(request)
      tokens.set(caller, (tokens.get(caller) ?? 0) + promptTokens + completionTokens)
    },
  },
})
app.get('/usage', () => Object.fromEntries(tokens))
await app.listen({ port: Number(process.env.PORT ?? 3000) })
