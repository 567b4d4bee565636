// A large fleet: 200 endpoints, 5,000 models. Prints what discovery, routing and lists cost: `npm run bench:models`.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import { parseConfig } from '../src/config/load.ts'
import { ModelCatalog } from '../src/endpoints/discovery/catalog.ts'
import gateway from '../src/gateway.ts'
import { scanBody } from '../src/kernel/json/body-scan.ts'
import { PathKnowledge } from '../src/routing/models/path-knowledge.ts'
import { ModelRouter } from '../src/routing/models/router.ts'

const endpointCount = 200
const modelCount = 5_000
const perEndpoint = 100

function percentile(values: readonly number[], share: number): number {
  return (
    [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0
  )
}

async function upstream(index: number): Promise<{ server: Server; url: string }> {
  const data = Array.from({ length: perEndpoint }, (_, at) => ({
    id: `org-${(index * 25 + at) % 50}/model-${(index * 25 + at) % modelCount}-7b-q4`,
    object: 'model',
    owned_by: 'vllm',
    max_model_len: 32_768,
  }))
  const body = JSON.stringify({ object: 'list', data })
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'application/json')
    response.end(request.url === '/v1/models' ? body : '{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

const upstreams = await Promise.all(Array.from({ length: endpointCount }, (_, index) => upstream(index)))
globalThis.gc?.()
const before = process.memoryUsage()
const config = parseConfig({
  server: {
    rate_limits: {
      global_requests_per_minute: 0,
      per_ip_requests_per_minute: 0,
      health_requests_per_minute: 0,
    },
  },
  discovery: {
    model_discovery: { concurrent_workers: 50 },
    static: {
      endpoints: upstreams.map(({ url }, index) => ({
        url,
        name: `e${index}`,
        type: 'vllm',
        check_interval: '30s',
      })),
    },
  },
})
const app = Fastify()
const startedMs = performance.now()
await app.register(gateway, { config })
await app.listen({ host: '127.0.0.1', port: 0 })
const base = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
let models = 0
while (models < modelCount && performance.now() - startedMs < 60_000) {
  const list = (await (await fetch(`${base}/v1/models`)).json()) as { data: unknown[] }
  models = list.data.length
  if (models < modelCount) await new Promise((resolve) => setTimeout(resolve, 50))
}
console.log(
  `${endpointCount} endpoints, ${models} models, fully discovered after ${(performance.now() - startedMs).toFixed(0)} ms`,
)
globalThis.gc?.()
const after = process.memoryUsage()
console.log(
  `heap +${((after.heapUsed - before.heapUsed) / 1048576).toFixed(1)} MB, resident ${(after.rss / 1048576).toFixed(0)} MB (with the simulated endpoints)`,
)

for (const path of ['/olla/models', '/v1/models', '/olla/models?format=vllm']) {
  const times: number[] = []
  let bytes = 0
  for (let call = 0; call < 10; call++) {
    const sentMs = performance.now()
    bytes = (await (await fetch(`${base}${path}`)).arrayBuffer()).byteLength
    times.push(performance.now() - sentMs)
  }
  console.log(`${path}: ${(bytes / 1024).toFixed(0)} KB in ${percentile(times, 0.5).toFixed(1)} ms`)
}

// One routing decision, by the router itself over the same sizes.
const decisions: number[] = []
const names = Array.from({ length: modelCount }, (_, at) => `org-${at % 50}/model-${at}-7b-q4`)
const router = await routerOf()
for (let call = 0; call < 20_000; call++) {
  const model = names[(call * 7919) % modelCount]
  const startMs = performance.now()
  router.route({ model, provider: undefined, path: '/v1/chat/completions' })
  decisions.push((performance.now() - startMs) * 1000)
}
console.log(
  `routing decision: median ${percentile(decisions, 0.5).toFixed(1)} µs, p99 ${percentile(decisions, 0.99).toFixed(1)} µs`,
)

console.log('body scanner against JSON.parse, µs (median)')
for (const [label, size] of [
  ['1 KB', 1_000],
  ['100 KB', 100_000],
  ['1 MB', 1_000_000],
] as const) {
  for (const first of [true, false]) {
    const messages = Array.from({ length: 10 }, () => ({
      role: 'user',
      content: 'some words in a line\n'.repeat(size / 210),
    }))
    const value = first ? { model: 'm', messages } : { messages, model: 'm' }
    const body = Buffer.from(JSON.stringify(value))
    const time = (run: () => void) => {
      const times: number[] = []
      for (let call = 0; call < 300; call++) {
        const startMs = performance.now()
        run()
        times.push((performance.now() - startMs) * 1000)
      }
      return percentile(times, 0.5)
    }
    const scan = time(() => scanBody(body))
    const parse = time(() => JSON.parse(body.toString('utf8')))
    console.log(
      `  ${label}, model ${first ? 'first' : 'last'}: scan ${scan.toFixed(1)}, parse ${parse.toFixed(1)}, ratio ${(scan / parse).toFixed(2)}`,
    )
  }
}
await app.close()
for (const { server } of upstreams) {
  server.closeAllConnections()
  server.close()
}

/** A router over a catalogue of the same size, outside of the app. */
async function routerOf(): Promise<ModelRouter> {
  const { buildEndpoints } = await import('../src/endpoints/registry/build.ts')
  const { EndpointRegistry } = await import('../src/endpoints/registry/registry.ts')
  const { EventBus } = await import('../src/runtime/events/bus.ts')
  const { ModelAliases } = await import('../src/routing/models/aliases.ts')
  const { ModelDirectory } = await import('../src/routing/models/directory.ts')
  const { loadFamilyTable } = await import('../src/routing/models/family-table.ts')
  const { sectionOptions } = await import('../src/config/options/sections.ts')
  const { SharedState } = await import('../src/runtime/cells/shared-state.ts')
  const { statusCells } = await import('../src/endpoints/registry/status-cells.ts')
  const { systemClock } = await import('../src/kernel/clock.ts')
  const { familiesFile } = await import('../src/kernel/package.ts')
  const endpoints = buildEndpoints(config.discovery.static.endpoints, {
    profile: () => undefined,
    proxy: sectionOptions('proxy', config.proxy),
  })
  const registry = new EndpointRegistry(endpoints, {
    clock: systemClock,
    cells: new SharedState({ endpoints: endpointCount }).of(statusCells),
    events: new EventBus(systemClock, () => {}),
  })
  const catalog = new ModelCatalog()
  for (const endpoint of endpoints) {
    registry.setStatus(endpoint.slot, 'healthy', 'bench')
    const own = Array.from({ length: perEndpoint }, (_, at) => ({
      name: names[(endpoint.slot * 25 + at) % modelCount] ?? '',
      raw: {},
    }))
    catalog.update(endpoint, own, 1)
  }
  const aliases = new ModelAliases({})
  const families = loadFamilyTable({ builtIn: familiesFile, cwd: '/nowhere' })
  const paths = new PathKnowledge({
    clock: systemClock,
    fallbackPaths: () => ['/v1/chat/completions'],
    versionOf: () => undefined,
  })
  return new ModelRouter(
    {
      registry,
      catalog,
      directory: new ModelDirectory(registry, catalog, families, aliases),
      aliases,
      paths,
    },
    {
      strategy: 'strict',
      fallback: 'none',
      fallbackModels: {},
      filter: { include: [], exclude: [] },
      refreshOnMiss: false,
      discovers: true,
    },
  )
}
