import type { Clock, Timer } from '../../kernel/clock.ts'
import type { EventBus } from '../events/bus.ts'
import type { DrainResult } from '../lifecycle/drain.ts'
import type { ControlLink } from '../links/control-link.ts'
import type { LinkPort } from '../links/messages.ts'
import { drainTopic, type ListenAddress, listenTopic } from './thread-control.ts'

/** A running thread, as the supervisor sees it. */
export interface RunningThread extends LinkPort {
  /** Terminates it at once. */
  terminate(): void
}

/** What a thread reports besides its messages. */
export interface ThreadEvents {
  /** The thread has ended; no event follows. `reason` is undefined if it ended normally. */
  onExit(reason: string | undefined): void
}

export interface SupervisorServices {
  readonly link: ControlLink
  readonly events: EventBus
  readonly clock: Clock
  /** Starts a thread; its messages go to the link. */
  spawn(thread: number, events: ThreadEvents): RunningThread
  /** Releases what an ended thread held. @returns its requests in flight */
  reclaim(thread: number): number
  /** Called if a thread cannot be terminated because it blocks in a system call. */
  onUnkillable(thread: number): void
  /** Counts a thread that ended before the stop. @param cut its requests in flight */
  countEnded(cut: number): void
}

interface Seat {
  running: RunningThread | undefined
  /** Whether it listens, and so may have requests. */
  isOpen: boolean
  /** Monotonic milliseconds. */
  startedAtMs: number
  /** Consecutive ends shortly after startup. */
  failures: number
  restart: Timer | undefined
  /** Its requests in flight when it ended. */
  held: number
  /** Why the supervisor ends it. */
  endReason: string | undefined
  /** Whether it cannot be terminated. */
  isUnkillable: boolean
  /** Why it ended the last time. */
  lastReason: string | undefined
  /** Called when it has ended. */
  readonly waiting: (() => void)[]
}

/** Loading the gateway's sources takes seconds on a busy machine. */
const listenMs = 60_000
/** A thread that has run this long has started successfully. */
const steadyMs = 60_000
const restartBaseMs = 100
const maxRestartMs = 10_000
/** Time for a terminated thread to end: V8 first finishes what it is doing, at most a full collection. */
const forcedEndMs = 10_000
/** Time for a drained thread to end by itself. */
const endMs = 2_000

/** Error codes of temporary shortages. */
const shortages = /\bE(?:MFILE|NFILE|NOBUFS|NOMEM)\b/

/**
 * Runs the serving threads: starts them on one port, restarts a thread that ends, with exponential backoff if it keeps
 * ending, and drains all of them for a stop.
 */
export class Supervisor {
  readonly #services: SupervisorServices
  readonly #seats: Seat[]
  #listen: ListenAddress
  #isStopping = false

  constructor(threads: number, listen: ListenAddress, services: SupervisorServices) {
    this.#services = services
    this.#listen = listen
    this.#seats = Array.from({ length: threads }, createSeat)
  }

  /**
   * Starts the first thread, which takes the port, then the others.
   * @returns the address, for display
   * @throws Error if one of them cannot listen; no thread is left running then
   */
  async start(): Promise<string> {
    try {
      if (this.#isStopping) throw new Error('stopped during startup')
      // All threads build at the same time.
      for (const thread of this.#seats.keys()) this.#spawn(thread)
      const first = await this.#open(0)
      this.#listen = { host: this.#listen.host, port: first.port }
      await Promise.all([...this.#seats.keys()].slice(1).map((thread) => this.#follow(thread)))
      return first.address
    } catch (error) {
      // The threads that listen are draining.
      if (this.#isStopping) throw error
      this.#isStopping = true
      for (const { running, restart } of this.#seats) {
        restart?.cancel()
        running?.terminate()
      }
      await Promise.all(this.#seats.map(ended))
      throw error
    }
  }

  /**
   * Lets requests finish on all threads and ends the threads, even during startup.
   * @param timeoutMs after which a thread that does not answer is terminated
   */
  async stop(timeoutMs: number): Promise<DrainResult> {
    this.#isStopping = true
    const results = await Promise.all(this.#seats.map((seat, thread) => this.#drain(seat, thread, timeoutMs)))
    return {
      drained: results.reduce((sum, { drained }) => sum + drained, 0),
      cut: results.reduce((sum, { cut }) => sum + cut, 0),
    }
  }

  /** Whether a thread listens. */
  isOpen(thread: number): boolean {
    return this.#seat(thread).isOpen
  }

  /** Whether a thread could not be terminated, so that the process cannot exit normally. */
  get hasUnkillable(): boolean {
    return this.#seats.some(({ isUnkillable }) => isUnkillable)
  }

  /** Terminates a thread that does not respond; another one replaces it. */
  replace(thread: number, reason: string): void {
    const seat = this.#seat(thread)
    const { running } = seat
    if (running === undefined) return
    seat.endReason = reason
    running.terminate()
    this.#services.clock.after(forcedEndMs, () => {
      if (seat.running !== running) return
      seat.isUnkillable = true
      seat.held = this.#services.reclaim(thread)
      for (const resume of seat.waiting.splice(0)) resume()
      this.#services.onUnkillable(thread)
    })
  }

  #spawn(thread: number): void {
    const seat = this.#seat(thread)
    const { link, clock } = this.#services
    seat.startedAtMs = clock.monotonicMs()
    seat.lastReason = undefined
    seat.isOpen = false
    seat.running = this.#services.spawn(thread, { onExit: (reason) => this.#exited(thread, reason) })
    link.connect(thread, seat.running)
  }

  /**
   * The first thread already serves, and its clients may have taken all descriptors: in that case start this one later.
   */
  async #follow(thread: number): Promise<void> {
    try {
      await this.#open(thread)
    } catch (error) {
      if (!(error instanceof Error && shortages.test(error.message))) throw error
    }
  }

  /** Lets a running thread listen; terminates it if it cannot. */
  async #open(thread: number): Promise<{ address: string; port: number }> {
    const seat = this.#seat(thread)
    const { link, events } = this.#services
    const answer = await link.requestThread(thread, listenTopic, this.#listen, listenMs)
    if (answer?.ok === true) {
      seat.isOpen = true
      events.publish('thread.started', { thread, reason: seat.failures > 0 ? 'restarted' : null })
      return answer
    }
    seat.running?.terminate()
    throw new Error(answer?.reason ?? seat.lastReason ?? 'a serving thread did not start listening')
  }

  #exited(thread: number, exitReason: string | undefined): void {
    const seat = this.#seat(thread)
    const reason = seat.endReason ?? exitReason
    seat.endReason = undefined
    seat.isOpen = false
    const { link, events, clock, reclaim, countEnded } = this.#services
    seat.running = undefined
    seat.lastReason = reason
    link.disconnect(thread)
    seat.held = reclaim(thread)
    events.publish('thread.stopped', { thread, reason: reason ?? null, cut: seat.held })
    for (const resume of seat.waiting.splice(0)) resume()
    if (this.#isStopping) return
    countEnded(seat.held)
    seat.failures = clock.monotonicMs() - seat.startedAtMs < steadyMs ? seat.failures + 1 : 1
    const waitMs = Math.min(maxRestartMs, restartBaseMs * 2 ** (seat.failures - 1))
    seat.restart = clock.after(waitMs, () => this.#restart(thread))
  }

  #restart(thread: number): void {
    try {
      this.#spawn(thread)
    } catch (error) {
      // A thread takes descriptors and memory of its own.
      this.#exited(thread, error instanceof Error ? error.message : String(error))
      return
    }
    // A failure ends the thread, and its restart is already scheduled.
    this.#open(thread).catch(() => {})
  }

  async #drain(seat: Seat, thread: number, timeoutMs: number): Promise<DrainResult> {
    seat.restart?.cancel()
    const { running } = seat
    if (running === undefined) return { drained: 0, cut: 0 }
    if (seat.isUnkillable) return { drained: seat.held, cut: seat.held }
    if (!seat.isOpen) {
      running.terminate()
      await ended(seat)
      return { drained: 0, cut: 0 }
    }
    const result = await this.#services.link.requestThread(thread, drainTopic, undefined, timeoutMs)
    const grace = this.#services.clock.after(endMs, () => running.terminate())
    if (result === undefined) this.replace(thread, 'no answer to the stop')
    await ended(seat)
    grace.cancel()
    // A thread that ended without a result has cut its requests in flight.
    return result ?? { drained: seat.held, cut: seat.held }
  }

  #seat(thread: number): Seat {
    const seat = this.#seats[thread]
    if (seat === undefined) throw new RangeError(`no such thread: ${thread}`)
    return seat
  }
}

function createSeat(): Seat {
  return {
    running: undefined,
    isOpen: false,
    startedAtMs: 0,
    failures: 0,
    restart: undefined,
    held: 0,
    endReason: undefined,
    isUnkillable: false,
    lastReason: undefined,
    waiting: [],
  }
}

async function ended(seat: Seat): Promise<void> {
  if (seat.running === undefined || seat.isUnkillable) return
  await new Promise<void>((resume) => seat.waiting.push(resume))
}
