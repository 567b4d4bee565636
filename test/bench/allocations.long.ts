import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { startProbedGateway } from '../../bench/allocations/gateway.ts'
import { type Allocations, measureAllocations } from '../../bench/allocations/measure.ts'
import { slowEvents, startEndpoint } from '../../bench/http-clients/endpoint.ts'
import { openLoad } from '../../bench/http-clients/load.ts'

const connections = 16
/** A quarter above what they take, since other versions of Node take a little more or less. */
const maxBytes = { chat: 21_000, event: 1_000 } as const

it('allocates little for a chat and for an event of a stream', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'allocations-'))
  const endpoint = await startEndpoint()
  const gateway = await startProbedGateway({ folder, endpointUrls: [endpoint.url] })
  t.after(async () => {
    await gateway.stop()
    endpoint.close()
    await rm(folder, { recursive: true, force: true })
  })
  const load = await openLoad(gateway.port, connections)
  const plan = { connections, warm: 1_000, each: 60, readings: 5 }
  const chat = await measureAllocations(gateway, load, 'chat', plan)
  const short = await measureAllocations(gateway, load, 'short', { ...plan, warm: 300 })
  const paced = await measureAllocations(gateway, load, 'paced', { ...plan, warm: 60, each: 20 })
  load.leave()
  const heap = ({ heapBytes }: Allocations) => heapBytes
  const event = (heap(paced) - heap(short)) / (slowEvents - 1)
  t.diagnostic(`bytes of a chat: ${Math.round(heap(chat))}, of an event: ${Math.round(event)}`)
  assert.ok(heap(chat) < maxBytes.chat, `a chat allocates ${Math.round(heap(chat))} bytes`)
  assert.ok(event < maxBytes.event, `an event allocates ${Math.round(event)} bytes`)
})
