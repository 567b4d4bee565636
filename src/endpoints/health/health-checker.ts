import { defaultsOf, type SectionOptions } from '../../config/options/sections.ts'
import type { BoundedQueue } from '../../kernel/bounded-queue.ts'
import type { Clock } from '../../kernel/clock.ts'
import { type EndpointStatus, isRoutable } from '../../kernel/endpoint-status.ts'
import { type FailureKind, neverSent } from '../connections/failure.ts'
import { FetchError, type UpstreamFetch } from '../connections/fetch.ts'
import type { Endpoint } from '../registry/endpoint.ts'
import { isSameServer } from '../registry/next-endpoints.ts'
import type { EndpointRegistry } from '../registry/registry.ts'
import type { CircuitBreakers } from '../resilience/circuit-breakers.ts'
import { parseRetryAfter } from '../resilience/retry-policy.ts'
import type { AnswerTimes } from './answer-times.ts'
import { classifyProbe, type ProbeResult, type ProbeVerdict, weighFailedProbe } from './classify.ts'
import { evidenceVerdict, isKnown } from './evidence.ts'
import type { HealthMonitor, PassiveEvidence, ProbeRecord } from './health-monitor.ts'
import type { ProbeRecords } from './probe-records.ts'
import { createWatch, type Watch } from './probe-watch.ts'
import { nextProbeInMs } from './schedule.ts'

export interface HealthCheckerOptions
  extends Pick<SectionOptions<'discovery'>['health'], 'busyThresholdMs' | 'jitter' | 'maxBackoffMs'> {
  /** 0 to 1. */
  readonly random: () => number
}

/** Delay of the first probe after passive evidence of a failure. */
const earlyProbeMs = 100
/**
 * Jitter of the interval after the first probe. All endpoints are probed at the start; with the ordinary jitter those of
 * a large fleet would be probed together for minutes.
 */
const startJitter = 0.9
/** Delay before repeating a probe that the gateway could not send. */
const undoneProbeMs = 500
/** Immediate repeats within one probe after a failed connection (contract 4). */
const probeRepeats = 2
const repeatBaseMs = 100
/** The checker reads and ignores this much of a health answer, so that the connection can be kept. */
const maxProbeBytes = 1_048_576

/**
 * Probes every endpoint at its own interval and owns the changes of status. Probes of one endpoint never overlap; a
 * bounded queue limits all probes together.
 */
export class HealthChecker implements HealthMonitor {
  readonly #clock: Clock
  readonly #registry: EndpointRegistry
  readonly #records: ProbeRecords
  readonly #breakers: CircuitBreakers
  readonly #answers: AnswerTimes
  readonly #fetch: UpstreamFetch
  readonly #queue: BoundedQueue
  readonly #userAgent: string
  readonly #watches: (Watch | undefined)[] = []
  #options: HealthCheckerOptions
  /** Whether this gateway probes an endpoint at its interval; otherwise another replica does, after the first probe. */
  leads: (slot: number) => boolean = () => true
  #running = false

  constructor(
    services: {
      clock: Clock
      registry: EndpointRegistry
      records: ProbeRecords
      breakers: CircuitBreakers
      answers: AnswerTimes
      fetch: UpstreamFetch
      queue: BoundedQueue
      userAgent: string
    },
    options: Partial<HealthCheckerOptions> = {},
  ) {
    this.#clock = services.clock
    this.#registry = services.registry
    this.#records = services.records
    this.#breakers = services.breakers
    this.#answers = services.answers
    this.#fetch = services.fetch
    this.#queue = services.queue
    this.#userAgent = services.userAgent
    this.#options = { ...defaultsOf('discovery').health, random: Math.random, ...options }
    for (const { slot } of this.#registry.snapshot.endpoints) this.#watches[slot] = createWatch()
    this.#registry.follow({
      present: (endpoint, before) => this.#follow(endpoint, before),
      gone: ({ slot }) => this.#forget(slot),
    })
  }

  /** Changes the options; probes that are armed keep their times. */
  setOptions(options: Partial<HealthCheckerOptions>): void {
    this.#options = { ...this.#options, ...options }
  }

  /** Starts probing every endpoint; returns at once. */
  start(): void {
    this.#running = true
    for (const { slot } of this.#registry.snapshot.endpoints) this.#arm(slot, 0)
  }

  stop(): void {
    this.#running = false
    for (const watch of this.#watches) {
      watch?.timer?.cancel()
      watch?.warmTimer?.cancel()
    }
    this.#queue.clear()
  }

  /** A new endpoint is probed at once, and one that is probed elsewhere or at other times from now on. */
  #follow(endpoint: Endpoint, before: Endpoint | undefined): void {
    const { slot } = endpoint
    if (before === undefined || this.#watches[slot] === undefined) {
      this.#forget(slot)
      this.#watches[slot] = createWatch()
      this.#arm(slot, 0)
      return
    }
    const isSame =
      endpoint.healthUrl === before.healthUrl && endpoint.checkIntervalMs === before.checkIntervalMs
    // The probe of a detected type is its event's.
    const isDetected = before.profile === undefined && endpoint.profile !== undefined
    if (!isSame && !isDetected && this.#watches[slot]?.probing === false) this.#arm(slot, 0)
  }

  #forget(slot: number): void {
    const watch = this.#watches[slot]
    watch?.timer?.cancel()
    watch?.warmTimer?.cancel()
    this.#watches[slot] = undefined
  }

  record(slot: number): ProbeRecord {
    return this.#records.get(slot)
  }

  retryInMs(slot: number): number {
    if (this.#registry.isRoutable(slot)) return 0
    return Math.max(0, (this.#records.nextCheckMs(slot) ?? 0) - this.#clock.nowMs())
  }

  report(slot: number, evidence: PassiveEvidence): void {
    if (!isKnown(this.#registry, slot, evidence)) this.accept(slot, evidence)
  }

  /** Accepts new evidence, even if another thread has already set the status. */
  accept(slot: number, evidence: PassiveEvidence): void {
    const watch = this.#watches[slot]
    if (watch === undefined) return
    if (evidence.kind === 'list_read') {
      watch.isListRefused = false
      if (this.#registry.health(slot) === 'config_error' && !watch.probing) this.#arm(slot, 0)
      return
    }
    const verdict = evidenceVerdict(evidence)
    if (evidence.kind === 'answered') {
      this.#records.succeeded(slot)
      watch.limitedUntilMs = 0
      this.#apply(slot, watch, verdict)
      return
    }
    if (evidence.kind === 'list_refused') {
      watch.isListRefused = true
      this.#apply(slot, watch, verdict)
      return
    }
    if (evidence.kind === 'rate_limited') {
      this.#apply(slot, watch, { ...verdict, retryAfterMs: evidence.retryAfterMs })
    } else {
      this.#records.failed(slot, verdict.reason)
      this.#apply(slot, watch, verdict)
      if (evidence.kind === 'untrusted') this.#registry.staysOut(slot)
    }
    if (!watch.probing) {
      this.#arm(slot, evidence.kind === 'rate_limited' ? evidence.retryAfterMs : earlyProbeMs)
    }
  }

  /** Takes over a status that another replica has seen. */
  adopt(slot: number, status: EndpointStatus, reason: string, isDoubtful: boolean): void {
    const watch = this.#watches[slot]
    if (watch === undefined) return
    watch.warmTimer?.cancel()
    if (isRoutable(status)) this.#records.succeeded(slot)
    else this.#records.failed(slot, reason)
    this.#registry.setStatus(slot, status, reason, isDoubtful)
    if (status === 'warming') this.#warm(slot, watch)
  }

  async probeNow(slot: number): Promise<void> {
    const watch = this.#watches[slot]
    const endpoint = this.#registry.snapshot.bySlot[slot]
    if (watch === undefined || endpoint === undefined || watch.probing) return
    watch.probing = true
    let isUndone = false
    watch.timer?.cancel()
    this.#records.setNextCheck(slot, undefined)
    try {
      let begunMs = this.#clock.monotonicMs()
      const result = await this.#queue.push(() => {
        begunMs = this.#clock.monotonicMs()
        return this.#probe(endpoint)
      })
      // A shortage on the gateway's side shows nothing about the endpoint.
      // An endpoint that was removed or became another server meanwhile is probed anew, if at all.
      const now = this.#registry.snapshot.bySlot[slot]
      const isCurrent = this.#watches[slot] === watch && now !== undefined && isSameServer(now, endpoint)
      if (this.#running && isCurrent && result !== undefined) this.#conclude(endpoint, watch, result, begunMs)
      isUndone = result === undefined || !isCurrent
    } catch {
      // The queue was full: keep the status and retry at the next interval.
    } finally {
      watch.probing = false
      if (this.#running && this.#watches[slot] === watch)
        this.#arm(slot, isUndone ? undoneProbeMs : this.#nextInMs(endpoint, watch))
    }
  }

  #arm(slot: number, delayMs: number): void {
    const watch = this.#watches[slot]
    if (watch === undefined || !this.#running) return
    watch.timer?.cancel()
    this.#records.setNextCheck(slot, this.#clock.nowMs() + delayMs)
    watch.timer = this.#clock.after(delayMs, () => {
      if (watch.isStarting || this.leads(slot)) void this.probeNow(slot)
      else this.#arm(slot, this.#registry.snapshot.bySlot[slot]?.checkIntervalMs ?? 0)
    })
  }

  #nextInMs(endpoint: Endpoint, watch: Watch): number {
    const { jitter, maxBackoffMs, random } = this.#options
    const isFirst = watch.isStarting && jitter > 0
    watch.isStarting = false
    const schedule = {
      intervalMs: endpoint.checkIntervalMs,
      jitter: isFirst ? startJitter : jitter,
      maxBackoffMs,
    }
    const inMs = nextProbeInMs(schedule, this.#records.consecutiveFailures(endpoint.slot), random())
    return Math.max(inMs, this.#limitedForMs(endpoint.slot, watch))
  }

  /** Remaining pause that a rate-limited endpoint requested. */
  #limitedForMs(slot: number, watch: Watch): number {
    if (this.#registry.health(slot) !== 'rate_limited') return 0
    return Math.max(0, watch.limitedUntilMs - this.#clock.monotonicMs())
  }

  /** @returns undefined if the gateway could not send the probe */
  async #probe(endpoint: Endpoint): Promise<ProbeResult | undefined> {
    for (let repeat = 0; ; repeat++) {
      try {
        const answer = await this.#fetch({
          url: endpoint.healthUrl,
          headers: [
            'User-Agent',
            this.#userAgent,
            'Accept',
            '*/*',
            'Cache-Control',
            'no-cache',
            ...endpoint.headers,
          ],
          timeoutMs: endpoint.checkTimeoutMs,
          maxBytes: maxProbeBytes,
          dropsBody: true,
        })
        const retryAfter = answer.header('retry-after')
        return {
          kind: 'answered',
          statusCode: answer.statusCode,
          latencyMs: answer.durationMs,
          retryAfterMs:
            retryAfter === undefined ? undefined : parseRetryAfter(retryAfter, this.#clock.nowMs()),
        }
      } catch (error) {
        const isFetchError = error instanceof FetchError
        if (isFetchError && error.failure.kind === 'shortage') return undefined
        // A refused connection is certain; a reset may hit a connection that the server had just closed.
        const worthRepeating =
          isFetchError && !neverSent(error.failure.kind) && error.failure.kind !== 'first_byte_timeout'
        if (repeat >= probeRepeats || !worthRepeating || !this.#running) {
          return {
            kind: 'failed',
            reason: isFetchError ? error.message : 'probe failed',
            isSilence: isFetchError && isTimeout(error.failure.kind),
            // A health URL on another host (an external monitor) shows nothing about the address of requests.
            isCertain:
              isFetchError &&
              neverSent(error.failure.kind) &&
              error.failure.kind !== 'connect_timeout' &&
              new URL(endpoint.healthUrl).origin === endpoint.origin,
          }
        }
        await this.#sleep(repeatBaseMs * 2 ** repeat * (0.75 + 0.5 * this.#options.random()))
      }
    }
  }

  #conclude(endpoint: Endpoint, watch: Watch, result: ProbeResult, begunMs: number): void {
    const { slot, unhealthyThreshold, checkIntervalMs } = endpoint
    const previousMs = watch.probedMs
    watch.probedMs = this.#clock.monotonicMs()
    const verdict = this.#verdict(slot, watch, result)
    const breaker = this.#breakers.get(slot)
    const isGood = isRoutable(verdict.status)
    const latencyMs = result.kind === 'answered' ? result.latencyMs : undefined
    this.#records.checked(slot, this.#clock.nowMs(), latencyMs)
    if (isGood) {
      breaker.probeSucceeded()
      this.#records.succeeded(slot)
      this.#apply(slot, watch, verdict)
      return
    }
    // A timed-out probe took its whole limit; a bad answer takes no time, so the interval counts.
    const countsAlone = result.kind === 'failed' && (result.isCertain || result.isSilence)
    const sinceMs = countsAlone ? begunMs : Math.max(previousMs, begunMs - checkIntervalMs)
    const effect = weighFailedProbe(result, {
      isRoutable: isRoutable(this.#registry.health(slot)),
      failures: this.#records.consecutiveFailures(slot) + 1,
      threshold: unhealthyThreshold,
      hasAnswered: this.#answers.hasAnsweredSince(slot, sinceMs),
    })
    if (effect === 'outweighed') {
      this.#records.outweighed(slot, verdict.reason)
      if (!isRoutable(this.#registry.health(slot))) this.#apply(slot, watch, servesDespite(verdict))
      return
    }
    if (result.kind === 'failed') breaker.probeFailed(result.reason)
    this.#records.failed(slot, verdict.reason)
    if (effect === 'apply') this.#apply(slot, watch, verdict)
  }

  #verdict(slot: number, watch: Watch, result: ProbeResult): ProbeVerdict {
    const verdict = classifyProbe(result, this.#options.busyThresholdMs)
    if (watch.isListRefused && isRoutable(verdict.status)) return evidenceVerdict({ kind: 'list_refused' })
    const endpoint = this.#registry.snapshot.bySlot[slot]
    const isGuess = endpoint?.profile === undefined && endpoint?.ownHealthUrl === false
    // The health path is a guess until the backend type is known, so any answer counts as healthy.
    if (isGuess && verdict.status === 'unhealthy')
      return { status: 'unknown', reason: `${verdict.reason}; its kind is not known yet` }
    return verdict
  }

  #apply(slot: number, watch: Watch, verdict: ProbeVerdict): void {
    const before = this.#registry.health(slot)
    if (verdict.retryAfterMs !== undefined) {
      watch.limitedUntilMs = this.#clock.monotonicMs() + verdict.retryAfterMs
    }
    // A good health answer does not end a pause that an answer to a request asked for.
    if (isRoutable(verdict.status) && this.#limitedForMs(slot, watch) > 0) return
    // Warming ends by time, not by the next good probe.
    if (before === 'warming' && verdict.status === 'healthy') return
    const recovers = verdict.status === 'healthy' && before !== 'unknown' && !isRoutable(before)
    if (recovers && this.#registry.slowStartMs > 0) {
      this.#registry.setStatus(slot, 'warming', 'recovered, slow start')
      this.#warm(slot, watch)
      return
    }
    watch.warmTimer?.cancel()
    this.#registry.setStatus(slot, verdict.status, verdict.reason, verdict.isDoubtful)
  }

  #warm(slot: number, watch: Watch): void {
    watch.warmTimer = this.#clock.after(this.#registry.slowStartMs, () => {
      if (this.#registry.health(slot) === 'warming')
        this.#registry.setStatus(slot, 'healthy', 'slow start is over')
    })
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.after(ms, resolve)
    })
  }
}

function isTimeout(kind: FailureKind): boolean {
  return kind === 'first_byte_timeout' || kind === 'connect_timeout' || kind === 'total_timeout'
}

/** The endpoint answers requests although its health route is slow or protected. */
function servesDespite({ reason }: ProbeVerdict): ProbeVerdict {
  return { status: 'busy', reason: `a request was answered, but: ${reason}` }
}
