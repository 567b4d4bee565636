import type { Clock, Timer } from '../../kernel/clock.ts'
import type { EventBus } from '../events/bus.ts'
import type { DrainResult } from '../lifecycle/drain.ts'
import type { ControlLink } from '../links/control-link.ts'
import type { LinkPort } from '../links/messages.ts'
import { drainTopic, type ListenAddress, listenTopic } from './thread-control.ts'

/** A running thread, as the supervisor needs it. */
export interface RunningThread extends LinkPort {
  /** Ends it at once. */
  terminate(): void
}

/** What a thread reports besides its messages. */
export interface ThreadEvents {
  /** It has ended; nothing comes after this. `reason` is undefined where it ended in order. */
  onExit(reason: string | undefined): void
}

export interface SupervisorServices {
  readonly link: ControlLink
  readonly events: EventBus
  readonly clock: Clock
  /** Starts a thread; its messages go to the link. */
  spawn(thread: number, events: ThreadEvents): RunningThread
  /** Gives back what a thread held that has ended. @returns requests that it had under way */
  reclaim(thread: number): number
  /** Called where a thread cannot be ended: it blocks in a system call. */
  onUnendable(thread: number): void
  /** Counts a thread that has ended before the stop. @param cut requests that it had under way */
  countEnded(cut: number): void
}

interface Seat {
  running: RunningThread | undefined
  /** Whether it listens, so that it may have requests. */
  isOpen: boolean
  /** Monotonic milliseconds. */
  startedAtMs: number
  /** Ends in a row that came soon after the start. */
  failures: number
  restart: Timer | undefined
  /** Requests that it had under way when it ended. */
  held: number
  /** Why it is being ended. */
  endReason: string | undefined
  /** Whether it cannot be ended. */
  isUnendable: boolean
  /** Why it ended the last time. */
  lastReason: string | undefined
  /** Called when it has ended. */
  readonly waiting: (() => void)[]
}

/** Reading the sources of a gateway takes seconds on a busy machine. */
const listenMs = 60_000
/** A thread that has run so long has not failed at the start. */
const steadyMs = 60_000
const restartBaseMs = 100
const longestRestartMs = 10_000
/** Time for a thread that was ended by force: what it is doing in V8, a full collection at most, comes to its end. */
const forcedEndMs = 10_000
/** Time for a drained thread to end by itself. */
const endMs = 2_000

/** Codes of what may be there again in a moment. */
const shortages = /\bE(?:MFILE|NFILE|NOBUFS|NOMEM)\b/

/**
 * Runs the serving threads: starts them on one port, starts one again that has ended, with a growing wait
 * where it keeps ending, and drains all of them for a stop.
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
   * The first thread takes the port, the others follow.
   * @returns the address for people
   * @throws Error where one of them cannot listen; then none is left running
   */
  async start(): Promise<string> {
    try {
      if (this.#isStopping) throw new Error('told to stop')
      // All of them build at the same time.
      for (const thread of this.#seats.keys()) this.#spawn(thread)
      const first = await this.#open(0)
      this.#listen = { host: this.#listen.host, port: first.port }
      await Promise.all([...this.#seats.keys()].slice(1).map((thread) => this.#follow(thread)))
      return first.address
    } catch (error) {
      // Those that listen are draining.
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
   * Lets requests finish on all threads and ends them, also during the start.
   * @param timeoutMs after which a thread that does not answer is ended anyhow
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

  /** Whether a thread could not be ended: the process cannot either, in the usual way. */
  get hasUnendable(): boolean {
    return this.#seats.some(({ isUnendable }) => isUnendable)
  }

  /** Ends a thread that does not respond; another one takes its place. */
  replace(thread: number, reason: string): void {
    const seat = this.#seat(thread)
    const { running } = seat
    if (running === undefined) return
    seat.endReason = reason
    running.terminate()
    this.#services.clock.after(forcedEndMs, () => {
      if (seat.running !== running) return
      seat.isUnendable = true
      seat.held = this.#services.reclaim(thread)
      for (const resume of seat.waiting.splice(0)) resume()
      this.#services.onUnendable(thread)
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

  /** The first thread serves already, and its clients may have taken all descriptors: this one starts again later. */
  async #follow(thread: number): Promise<void> {
    try {
      await this.#open(thread)
    } catch (error) {
      if (!(error instanceof Error && shortages.test(error.message))) throw error
    }
  }

  /** Lets a thread that runs listen; one that cannot is ended. */
  async #open(thread: number): Promise<{ address: string; port: number }> {
    const seat = this.#seat(thread)
    const { link, events } = this.#services
    const answer = await link.askThread(thread, listenTopic, this.#listen, listenMs)
    if (answer?.ok === true) {
      seat.isOpen = true
      events.publish('thread.started', { thread, reason: seat.failures > 0 ? 'restarted' : null })
      return answer
    }
    seat.running?.terminate()
    throw new Error(answer?.reason ?? seat.lastReason ?? 'a serving thread did not begin to listen')
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
    const waitMs = Math.min(longestRestartMs, restartBaseMs * 2 ** (seat.failures - 1))
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
    // Where it fails it ends as well, and the next try is on its way.
    this.#open(thread).catch(() => {})
  }

  async #drain(seat: Seat, thread: number, timeoutMs: number): Promise<DrainResult> {
    seat.restart?.cancel()
    const { running } = seat
    if (running === undefined) return { drained: 0, cut: 0 }
    if (seat.isUnendable) return { drained: seat.held, cut: seat.held }
    if (!seat.isOpen) {
      running.terminate()
      await ended(seat)
      return { drained: 0, cut: 0 }
    }
    const result = await this.#services.link.askThread(thread, drainTopic, undefined, timeoutMs)
    const grace = this.#services.clock.after(endMs, () => running.terminate())
    if (result === undefined) this.replace(thread, 'no answer to the stop')
    await ended(seat)
    grace.cancel()
    // A thread that ended without a word has cut what it had under way.
    return result ?? { drained: seat.held, cut: seat.held }
  }

  #seat(thread: number): Seat {
    const seat = this.#seats[thread]
    if (seat === undefined) throw new RangeError(`there is no thread ${thread}`)
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
    isUnendable: false,
    lastReason: undefined,
    waiting: [],
  }
}

async function ended(seat: Seat): Promise<void> {
  if (seat.running === undefined || seat.isUnendable) return
  await new Promise<void>((resume) => seat.waiting.push(resume))
}
