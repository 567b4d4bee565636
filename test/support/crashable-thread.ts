/** A serving thread that tests can bring down. */
import { parentPort } from 'node:worker_threads'
import type { LinkMessage } from '../../src/runtime/links/messages.ts'

parentPort?.on('message', (message: LinkMessage) => {
  if (message.kind !== 'message' || message.topic !== 'test.crash') return
  if (message.data === 'exit') process.exit(3)
  throw new Error('brought down by a test')
})
await import('../../src/app/serving-thread.ts')
