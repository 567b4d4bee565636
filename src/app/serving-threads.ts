import { Worker } from 'node:worker_threads'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import type { GatewayConfig } from '../config/schema/schema.ts'
import { systemClock } from '../kernel/clock.ts'
import { loadCells } from '../routing/selection/load-cells.ts'
import { type BlocksDescription, SharedBlocks } from '../runtime/cells/shared-blocks.ts'
import type { ConfigSource, ReloadResult } from '../runtime/configuration/reloads.ts'
import type { ConfigVersion } from '../runtime/configuration/versions.ts'
import type { DrainResult } from '../runtime/lifecycle/drain.ts'
import { ControlLink } from '../runtime/links/control-link.ts'
import type { LinkMessage } from '../runtime/links/messages.ts'
import { Heartbeats } from '../runtime/process/heartbeat.ts'
import { processCells } from '../runtime/process/process-cells.ts'
import { type BlockLine, provideBlocks } from '../runtime/threads/block-exchange.ts'
import { type RunningThread, Supervisor, type ThreadEvents } from '../runtime/threads/supervisor.ts'
import { logTopic } from '../runtime/threads/thread-control.ts'
import { watchThreads } from '../runtime/threads/thread-watch.ts'
import control from './control.ts'
import { assertFree } from './port-checks.ts'

/** Data that a serving thread receives at startup. */
export interface ServingThreadData {
  readonly thread: number
  readonly threads: number
  /** Number of threads that write to the shared cells: the serving threads, then control. */
  readonly planes: number
  /** The configuration in force. */
  readonly version: ConfigVersion
  /** Rows for endpoints in the shared cells. */
  readonly endpointCapacity: number
  /** Maximum client connections on this thread; 0 is unlimited. */
  readonly maxConnections: number
  readonly blocks: BlocksDescription
  /** For requesting blocks that did not exist at startup. */
  readonly line: BlockLine
  /** Buffer of `Heartbeats`. */
  readonly beats: SharedArrayBuffer
  /** Whether the main thread beats, so that this one watches it. */
  readonly watchesMain: boolean
}

export interface ServingThreadsOptions {
  readonly config: GatewayConfig
  readonly logger: Logger
  /** Writes finished log lines of the serving threads. */
  readonly writeLines: (lines: string) => void
  /** Called once with a function that counts lost log lines. */
  readonly onLost?: ((count: (lines: number) => void) => void) | undefined
  /** Aborted if the gateway must stop during startup. */
  readonly signal?: AbortSignal | undefined
  /** Maximum client connections on all threads; 0, the default, is unlimited. */
  readonly maxConnections?: number
  /**
   * Buffer of `Heartbeats` for all threads; this thread is the last and already beats. By default it is not watched.
   */
  readonly beats?: SharedArrayBuffer | undefined
  /** Entry module of a serving thread. Default: the gateway's own. */
  readonly entry?: URL
  /** Where the configuration can be loaded again. */
  readonly source?: ConfigSource | undefined
}

/** A gateway that listens. */
export interface RunningGateway {
  /** For display. */
  readonly address: string
  /** Whether its other threads watch the main thread. */
  readonly watchesMain?: boolean
  /** Whether its threads respond. */
  readonly isResponsive?: () => boolean
  /** Whether a thread could not be terminated, so that the process cannot exit normally. */
  readonly isBlocked?: () => boolean
  /** Loads the configuration again; absent if that is not possible. @param by who or what asks for it */
  readonly reload?: ((by: string) => Promise<ReloadResult>) | undefined
  /** Lets requests finish, then stops; repeated calls return the same result. */
  close(): Promise<DrainResult>
}

export interface GatewayOnThreads extends RunningGateway {
  /** The control thread's link to the serving threads. */
  readonly link: ControlLink
}

/** The sources run without a build; the published package contains only the built files. */
const ownEntry = new URL(`./serving-thread.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url)

/** Reserved out of the time for a stop, so that this thread can close its resources. */
const closingMs = 2_000

/**
 * Serves on several threads, all on one port, and controls them from this one. If the signal aborts during startup, it
 * returns a gateway that is stopping.
 * @throws Error if the port is taken
 */
export async function serveOnThreads(
  threads: number,
  {
    config,
    logger,
    writeLines,
    onLost,
    signal,
    maxConnections = 0,
    beats: beatBuffer,
    entry = ownEntry,
    source,
  }: ServingThreadsOptions,
): Promise<GatewayOnThreads> {
  const { host, port } = config.server
  // The system would silently share the port with a gateway that is already running.
  await assertFree(host, port)
  const planes = threads + 1
  const link = new ControlLink({
    threads,
    clock: systemClock,
    onFailure: (error, topic) =>
      logger.error({ err: error, topic }, 'a handler of a message between threads failed'),
  })
  link.on(logTopic, writeLines)
  const app = Fastify({ logger: false })
  app.log = logger
  const thread = { link, blocks: new SharedBlocks(planes, threads) }
  await app.register(control, { config, thread, source })
  await app.ready()
  const state = app.gatewayState
  const { counts } = state.of(processCells)
  onLost?.((lines) => counts.add(0, counts.column('lostLogLines'), lines))

  const timeoutMs = config.server.watchdog_timeout
  const watchesMain = beatBuffer !== undefined
  const beats = beatBuffer ?? Heartbeats.allocate(planes)
  const supervisor = new Supervisor(
    threads,
    { host, port },
    {
      link,
      events: app.gatewayEvents,
      clock: systemClock,
      spawn(thread, events) {
        const data: ServingThreadData = {
          thread,
          threads,
          planes,
          version: app.configVersions.current,
          endpointCapacity: state.capacities.endpoints,
          maxConnections: Math.ceil(maxConnections / threads),
          blocks: state.blocks,
          line: provideBlocks(state.findBlock),
          beats,
          watchesMain,
        }
        return spawn(entry, data, link, events, logger)
      },
      reclaim: (thread) => reclaim(app, thread),
      onUnkillable(thread) {
        // The thread's share of new connections would hang: better to exit and restart the process.
        setImmediate(() => {
          throw new Error(`serving thread ${thread} blocks in a system call and cannot be ended`)
        })
      },
      countEnded(cut) {
        counts.add(0, counts.column('endedThreads'), 1)
        counts.add(0, counts.column('cutRequests'), cut)
      },
    },
  )
  const watch = watchThreads({
    beats: new Heartbeats(beats),
    threads,
    timeoutMs,
    clock: systemClock,
    isOpen: (thread) => supervisor.isOpen(thread),
    onStuck: (thread) => supervisor.replace(thread, `no response for ${timeoutMs} ms`),
  })
  let stopped: Promise<DrainResult> | undefined
  function close(): Promise<DrainResult> {
    stopped ??= stop(app, config, supervisor).finally(watch.end)
    return stopped
  }
  const gateway = {
    link,
    watchesMain,
    isResponsive: watch.areResponsive,
    isBlocked: () => supervisor.hasUnkillable,
    reload: source === undefined ? undefined : (by: string) => app.configReloads.reload({ by }),
    close,
  }
  if (signal?.aborted === true) void close()
  else signal?.addEventListener('abort', () => void close(), { once: true })
  try {
    const address = await supervisor.start()
    if (stopped !== undefined) return { ...gateway, address }
    app.gatewayEvents.publish('lifecycle.phase', { phase: 'ready', inFlight: 0 })
    return { ...gateway, address }
  } catch (error) {
    if (stopped !== undefined) return { ...gateway, address: '' }
    watch.end()
    await app.close()
    throw error
  }
}

function spawn(
  entry: URL,
  data: ServingThreadData,
  link: ControlLink,
  events: ThreadEvents,
  logger: Logger,
): RunningThread {
  const worker = new Worker(entry, {
    workerData: data,
    transferList: [data.line.port],
    name: `serving ${data.thread}`,
  })
  let failure: string | undefined
  worker.on('message', (message: LinkMessage) => link.receive(message))
  worker.on('error', (error) => {
    failure = error instanceof Error ? error.message : String(error)
    logger.error({ err: error, thread: data.thread }, 'a serving thread failed')
  })
  worker.on('exit', (code) => {
    events.onExit(failure ?? (code === 0 ? undefined : `exit code ${code}`))
  })
  return {
    postMessage: (message) => worker.postMessage(message),
    terminate: () => void worker.terminate(),
  }
}

/** Releases what an ended thread held. @returns the number of its requests in flight */
function reclaim(app: FastifyInstance, thread: number): number {
  const { gatewayState, circuitBreakers } = app
  const inFlight = gatewayState.of(loadCells).inFlight.heldBy(thread)
  gatewayState.reclaim(thread)
  circuitBreakers.reclaim(thread)
  if (app.hasDecorator('callerAmounts')) app.callerAmounts.reclaim(thread)
  return inFlight
}

async function stop(
  app: FastifyInstance,
  { server }: GatewayConfig,
  supervisor: Supervisor,
): Promise<DrainResult> {
  const inFlight = app.gatewayState.of(loadCells).inFlight.total()
  app.gatewayEvents.publish('lifecycle.phase', { phase: 'draining', inFlight })
  const result = await supervisor.stop(server.shutdown_timeout + server.shutdown_delay + closingMs)
  app.gatewayEvents.publish('lifecycle.phase', {
    phase: result.cut > 0 ? 'cut' : 'drained',
    inFlight: result.cut,
  })
  await app.close()
  return result
}
