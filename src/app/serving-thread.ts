/** Entry of a serving thread: builds a gateway that mirrors the state of the control thread, and listens. */

import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../kernel/clock.ts'
import { createThreadLogger } from '../observe/logging/logger.ts'
import { SharedBlocks } from '../runtime/cells/shared-blocks.ts'
import type { DrainResult } from '../runtime/lifecycle/drain.ts'
import { createDrainable } from '../runtime/lifecycle/drainable.ts'
import type { LinkMessage } from '../runtime/links/messages.ts'
import { ServingLink } from '../runtime/links/serving-link.ts'
import { Heartbeats, keepBeating } from '../runtime/process/heartbeat.ts'
import { watchMain } from '../runtime/process/watch-main.ts'
import { requestBlocks } from '../runtime/threads/block-exchange.ts'
import {
  drainTopic,
  type ListenAddress,
  type ListenResult,
  listenTopic,
  logTopic,
} from '../runtime/threads/thread-control.ts'
import { createHttpServer } from './http-server.ts'
import { listenQuietly } from './listen.ts'
import type { ServingThreadData } from './serving-threads.ts'

const port = parentPort
if (port === null) throw new Error('this file starts a thread, not a process')

const {
  thread,
  threads,
  planes,
  version,
  endpointCapacity,
  maxConnections,
  blocks,
  line,
  beats: beatBuffer,
  watchesMain,
}: ServingThreadData = workerData
const { config } = version
const log = createThreadLogger(config.logging.level, (lines) => link.sendToControl(logTopic, lines))
const link = new ServingLink(port, {
  thread,
  threads,
  clock: systemClock,
  onFailure: (error, topic) =>
    log.logger.error({ err: error, topic }, 'a handler of a message between threads failed'),
})
const { watchdog_timeout: watchdogMs } = config.server
const beats = new Heartbeats(beatBuffer)
if (watchdogMs > 0) keepBeating(beats, thread, watchdogMs)
const drainable = createDrainable()
const app = createHttpServer({
  config,
  logger: log.logger,
  requestLogger: log.requestLogger,
  maxConnections,
  thread: {
    link,
    blocks: new SharedBlocks(planes, thread, blocks, requestBlocks(line)),
    version,
    endpointCapacity,
  },
  drainSignal: drainable.signal,
  onDrained: drainable.onDrained,
})
// The answer to `listenTopic` reports the failure; until then, prevent an unhandled rejection.
app.catch(() => {})

link.on(listenTopic, async ({ host, port: number }: ListenAddress): Promise<ListenResult> => {
  try {
    const server = await app
    // Fastify passes its options on to the listener, but its types lack this one.
    const options = { host, port: number, reusePort: true }
    const address = await listenQuietly(server, log.logger, options)
    if (watchdogMs > 0 && watchesMain) watchMain(beats, threads, watchdogMs)
    const bound = server.server.address()
    return { ok: true, address, port: typeof bound === 'object' && bound !== null ? bound.port : number }
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error) }
  }
})
link.on(drainTopic, async (): Promise<DrainResult> => {
  const server = await app
  const result = await drainable.drain()
  await server.close()
  await log.flush()
  // Nothing else keeps the thread alive; it posts the answer before it ends.
  port.unref()
  return result
})
// Also when the thread fails: its last log lines matter most.
process.once('exit', () => void log.flush())
port.on('message', (message: LinkMessage) => link.receive(message))
