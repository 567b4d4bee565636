// Bytes that the gateway allocates for a chat, a stream and an event of a stream: `npm run bench:allocations`. It runs
// the command with its default configuration in a process of its own. The load of the machine does not matter.
//   --only chat,stream   these kinds: chat, stream, paced, short
//   --profile chat       prints the functions that allocate most for requests of this kind
//   --stacks             with their callers
//   --engine sherpa      default `olla`
//   --server node        default `own`
//   --command FILE       `bin/olla-gateway.js` of another checkout
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startProbedGateway } from './allocations/gateway.ts'
import { type Allocations, measureAllocations } from './allocations/measure.ts'
import { allocators } from './allocations/profile.ts'
import { slowEvents, startEndpoint } from './http-clients/endpoint.ts'
import { type Kind, kinds, openLoad } from './http-clients/load.ts'
import { renderTable } from './table.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'chat,stream,paced,short' },
    profile: { type: 'string' },
    stacks: { type: 'boolean', default: false },
    engine: { type: 'string', default: 'olla' },
    server: { type: 'string', default: 'own' },
    command: { type: 'string' },
  },
})
const connections = 16
const plan = { connections, warm: 1_500, each: 60, readings: 9 }
/** Paced streams take 60 ms each. */
const pacedPlan = { ...plan, warm: 150, each: 20, readings: 5 }

const titles: Readonly<Record<Kind, string>> = {
  chat: 'chat of 1 KB',
  stream: 'stream of 60 events, six per turn',
  short: 'stream of one event',
  paced: `stream of ${slowEvents} events, one every 2 ms`,
  slow: `stream of ${slowEvents} events, one per turn`,
  held: '',
}
const kindOf = (name: string): Kind | undefined => kinds.find((kind) => kind === name)

const folder = await mkdtemp(join(tmpdir(), 'gateway-allocations-'))
const endpoints = [await startEndpoint(), await startEndpoint()]
const gateway = await startProbedGateway({
  folder,
  endpointUrls: endpoints.map(({ url }) => url),
  config: { proxy: { engine: values.engine }, server: { http_server: values.server } },
  ...(values.command === undefined ? {} : { command: values.command }),
})
try {
  const load = await openLoad(gateway.port, connections)
  const profiled = kindOf(values.profile ?? '')
  if (profiled !== undefined) {
    const { warm, each } = profiled === 'paced' ? pacedPlan : plan
    const perConnection = each * 4
    await load.run(profiled, warm)
    await gateway.startSampling(512)
    await load.run(profiled, perConnection)
    const profile = await gateway.stopSampling()
    const requests = connections * perConnection
    for (const [bytes, name] of allocators(profile, requests, values.stacks)) console.log(`${bytes}  ${name}`)
  } else {
    const found = new Map<Kind, Allocations>()
    for (const kind of kinds)
      if (values.only.split(',').includes(kind))
        found.set(kind, await measureAllocations(gateway, load, kind, kind === 'paced' ? pacedPlan : plan))
    const row = (title: string, { heapBytes, bufferBytes }: Allocations) =>
      [title, heapBytes, bufferBytes].map((cell) =>
        typeof cell === 'number' ? Math.round(cell).toLocaleString('en') : cell,
      )
    const rows = [...found].map(([kind, each]) => row(titles[kind], each))
    const paced = found.get('paced')
    const short = found.get('short')
    if (paced !== undefined && short !== undefined) {
      const perEvent = (key: keyof Allocations) => (paced[key] - short[key]) / (slowEvents - 1)
      const each = { heapBytes: perEvent('heapBytes'), bufferBytes: perEvent('bufferBytes') }
      rows.push(row('each further event', each))
    }
    console.log(renderTable(['bytes allocated', 'heap', 'buffers'], rows))
  }
  load.leave()
} finally {
  await gateway.stop()
  for (const endpoint of endpoints) endpoint.close()
  await rm(folder, { recursive: true, force: true })
}
