/**
 * Loaded with `--import` on each thread of a process: SIGUSR2 writes a heap snapshot of each to the working directory,
 * `heap-THREAD-NUMBER.heapsnapshot`, which has this name once it is complete.
 */
import { renameSync } from 'node:fs'
import { writeHeapSnapshot } from 'node:v8'
import { BroadcastChannel, isMainThread, threadId } from 'node:worker_threads'

const channel = new BroadcastChannel('test.heap')
channel.unref()
let number = 0

function write() {
  const part = `heap-${threadId}.part`
  writeHeapSnapshot(part)
  renameSync(part, `heap-${threadId}-${++number}.heapsnapshot`)
}

channel.onmessage = write
if (isMainThread) {
  process.on('SIGUSR2', () => {
    channel.postMessage('write')
    write()
  })
}
