/** A serving thread that tests can bring down, or keep busy. */
import { parentPort } from 'node:worker_threads'
import type { LinkMessage } from '../../src/runtime/links/messages.ts'
import { occupyLoop } from './occupy-loop.ts'

let stop = () => {}
parentPort?.on('message', (message: LinkMessage) => {
  if (message.kind !== 'message') return
  if (message.topic === 'test.occupy') {
    stop()
    if (message.data === true) stop = occupyLoop()
    return
  }
  if (message.topic !== 'test.crash') return
  if (message.data === 'exit') process.exit(3)
  throw new Error('brought down by a test')
})
await import('../../src/app/serving-thread.ts')
