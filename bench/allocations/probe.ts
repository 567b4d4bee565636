// Loaded into a gateway's process with `--import`: reports memory and allocation profiles to the parent.
import { type HeapProfiler, Session } from 'node:inspector'
import type { MemoryReading, ProbeRequest } from './contract.ts'

const session = new Session()
session.connect()

function read(): MemoryReading {
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return { heapBytes: heapUsed, bufferBytes: arrayBuffers }
}

/** Young generation only: a full collection would drop compiled code. */
function collectYoung(): void {
  globalThis.gc?.({ type: 'minor' })
}

function startSampling(intervalBytes: number): void {
  session.post('HeapProfiler.startSampling', {
    samplingInterval: intervalBytes,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  })
}

function stopSampling(): HeapProfiler.SamplingHeapProfile | undefined {
  let found: HeapProfiler.SamplingHeapProfile | undefined
  session.post('HeapProfiler.stopSampling', (_error, result) => {
    found = result.profile
  })
  return found
}

process.on('message', (request: ProbeRequest) => {
  if (request.kind === 'collect') collectYoung()
  if (request.kind === 'sample') startSampling(request.intervalBytes)
  process.send?.(request.kind === 'stop-sampling' ? stopSampling() : read())
})
process.channel?.unref()
