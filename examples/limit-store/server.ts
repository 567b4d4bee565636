// Rate limits that a store of your own keeps. This one counts in fixed minutes; one on Redis has the same shape,
// with the counts of other replicas fetched beforehand: `take` must answer at once.
import Fastify from 'fastify'
import gateway, { type LimitStore, parseConfig } from 'olla-gateway'

const minuteMs = 60_000
const counts = new Map<string, number>()
let minute = 0

const limits: LimitStore = {
  take(key, { perMinute }, nowMs) {
    const now = Math.floor(nowMs / minuteMs)
    if (now !== minute) counts.clear()
    minute = now
    const used = (counts.get(key) ?? 0) + 1
    const allowed = used <= perMinute
    if (allowed) counts.set(key, used)
    const fullInMs = minuteMs - (nowMs % minuteMs)
    return {
      allowed,
      remaining: Math.max(0, perMinute - used),
      retryAfterMs: allowed ? 0 : fullInMs,
      fullInMs,
    }
  },
  giveBack(key) {
    counts.set(key, Math.max(0, (counts.get(key) ?? 0) - 1))
  },
  clean() {},
}

const config = parseConfig({
  discovery: {
    static: { endpoints: [{ url: process.env.ENDPOINT_URL ?? 'http://localhost:11434', type: 'auto' }] },
  },
  server: { rate_limits: { per_ip_requests_per_minute: 20 } },
})

const app = Fastify({ logger: true })
await app.register(gateway, { config, stores: { limits } })
await app.listen({ port: Number(process.env.PORT ?? 3000) })
