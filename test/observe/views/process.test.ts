import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { GcMonitor } from '../../../src/observe/stats/gc-monitor.ts'
import { readProcess } from '../../../src/observe/stats/process-reading.ts'
import { memoryPressure, processView, resourceHealth } from '../../../src/observe/views/process.ts'

describe('/internal/process', () => {
  it('has the contract’s keys and texts', () => {
    const mebibyte = 1024 ** 2
    const reading = {
      usedHeapBytes: 6.4 * mebibyte,
      totalHeapBytes: 11.25 * mebibyte,
      physicalHeapBytes: 8.75 * mebibyte,
      heapLimitBytes: 4096 * mebibyte,
      residentBytes: 60 * mebibyte,
      externalBytes: 1.6 * mebibyte,
      arrayBufferBytes: 1024,
      gc: { cycles: 20, pausedMs: 8, lastAtMs: 0 },
      activeResources: 58,
      loopUtilization: 0.25,
      upMs: 1_579_999,
      threadUpMs: 1_500_000,
      cpuMs: 900,
      nodeVersion: 'v24.0.0',
      cpus: 2,
    }
    const own = { thread: 0, reading }
    const view = processView(own, [own], 0, undefined, { heldBytes: 2_048, limitBytes: 1_073_741_824 })
    assert.deepEqual(view, {
      timestamp: '1970-01-01T00:00:00.000Z',
      memory: {
        heap_alloc: '6.40 MB',
        heap_sys: '11.25 MB',
        heap_inuse: '8.75 MB',
        heap_released: '2.50 MB',
        stack_inuse: '0 B',
        total_alloc: '8.00 MB',
        heap_limit: '4.00 GB',
        resident: '60.00 MB',
        external: '1.60 MB',
        array_buffers: '1.00 KB',
        buffered: '2.00 KB',
        buffered_limit: '1.00 GB',
        memory_pressure: 'LOW',
      },
      garbage_collection: {
        last_gc: '1970-01-01T00:00:00.000Z',
        total_gc_time: '8ms',
        avg_gc_pause: '400µs',
        gc_cpu_fraction: 8 / 1_579_999,
        num_gc_cycles: 20,
      },
      goroutines: { health_status: 'HEALTHY', count: 58, cgo_calls: 0 },
      event_loop: { utilization: 0.25 },
      runtime: {
        uptime: '26m19s',
        go_version: 'node v24.0.0',
        node_version: 'v24.0.0',
        num_cpu: 2,
        gomaxprocs: 1,
        thread: 0,
      },
      allocations: { total_mallocs: 0, total_frees: 0, net_objects: 0 },
      threads: [
        {
          thread: 0,
          uptime_ms: 1_500_000,
          heap_alloc: '6.40 MB',
          heap_limit: '4.00 GB',
          memory_pressure: 'LOW',
          gc_cycles: 20,
          event_loop_utilization: 0.25,
        },
      ],
      ended_threads: { count: 0, requests_cut: 0 },
      log: { lines_dropped: 0 },
    })
    const counts = { lostLogLines: 7, endedThreads: 2, cutRequests: 5 }
    const { ended_threads, log } = processView(own, [own], 0, counts)
    assert.deepEqual([ended_threads, log], [{ count: 2, requests_cut: 5 }, { lines_dropped: 7 }])
  })

  it('reads the current process', () => {
    const reading = readProcess({ cycles: 0, pausedMs: 0, lastAtMs: undefined })
    assert.ok(reading.usedHeapBytes > 0 && reading.usedHeapBytes <= reading.totalHeapBytes)
    assert.ok(reading.residentBytes > reading.usedHeapBytes)
    assert.equal(reading.nodeVersion, process.version)
    const own = { thread: 0, reading }
    const view = processView(own, [own], 0)
    assert.ok(!('last_gc' in view.garbage_collection))
    assert.equal(view.garbage_collection.avg_gc_pause, '0s')
  })

  it('sums the reports of several threads, and shows the worst memory pressure', () => {
    const reading = readProcess({ cycles: 2, pausedMs: 4, lastAtMs: 1_000 })
    const thread = (number: number, changes: object) => ({
      thread: number,
      reading: { ...reading, usedHeapBytes: 10, heapLimitBytes: 100, loopUtilization: 0.2, ...changes },
    })
    const own = thread(1, {
      usedHeapBytes: 20,
      loopUtilization: 0.4,
      gc: { cycles: 1, pausedMs: 2, lastAtMs: 3 },
    })
    const view = processView(own, [thread(0, { usedHeapBytes: 90 }), own], 0)
    assert.deepEqual([view.memory.heap_alloc, view.memory.heap_limit], ['110 B', '200 B'])
    assert.equal(view.memory.memory_pressure, 'HIGH')
    assert.deepEqual(
      [view.garbage_collection.num_gc_cycles, view.garbage_collection.total_gc_time],
      [3, '6ms'],
    )
    assert.equal(view.garbage_collection.last_gc, '1970-01-01T00:00:01.000Z')
    assert.ok(Math.abs(view.event_loop.utilization - 0.3) < 1e-9)
    assert.deepEqual([view.runtime.gomaxprocs, view.runtime.thread], [2, 1])
    assert.deepEqual(
      view.threads.map((row) => [row.thread, row.memory_pressure]),
      [
        [0, 'HIGH'],
        [1, 'LOW'],
      ],
    )
  })

  it('derives memory pressure from the distance to the limit', () => {
    assert.deepEqual(
      [0, 59, 60, 84, 85, 100].map((used) => memoryPressure(used, 100)),
      ['LOW', 'LOW', 'MEDIUM', 'MEDIUM', 'HIGH', 'HIGH'],
    )
  })

  it('rates active resources by the contract’s thresholds', () => {
    assert.deepEqual([100, 101, 500, 501, 1000, 1001].map(resourceHealth), [
      'HEALTHY',
      'NORMAL',
      'NORMAL',
      'ELEVATED',
      'ELEVATED',
      'CONCERNING',
    ])
  })
})

describe('GcMonitor', () => {
  it('counts collections until it stops', async () => {
    const monitor = new GcMonitor()
    monitor.start()
    let garbage: unknown[] = []
    for (let round = 0; round < 2_000 && monitor.totals().cycles === 0; round++) {
      garbage = Array.from({ length: 50_000 }, (_, index) => ({ index }))
      await turn()
    }
    assert.equal(garbage.length, 50_000)
    const { cycles, pausedMs, lastAtMs = 0 } = monitor.totals()
    assert.ok(cycles > 0 && pausedMs > 0)
    assert.ok(Math.abs(Date.now() - lastAtMs) < 60_000)
    monitor.stop()
  })
})
