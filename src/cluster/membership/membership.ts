import type { Clock, Timer } from '../../kernel/clock.ts'
import type { ScriptCall } from '../connection/script-runner.ts'
import type { Member, ReplicaInfo, ReplicaReport } from '../contract/status.ts'
import { beatScript, leaveScript } from '../scripts/beat.ts'
import { type FleetKeys, schemaVersion } from '../scripts/keys.ts'
import { parseBeat } from './beat-reply.ts'

/** Runs a script. @param isTrial whether to send it although the server counts as away */
export type RunScript = (call: ScriptCall, isTrial?: boolean) => Promise<unknown>

export interface MembershipOptions {
  readonly clock: Clock
  readonly id: string
  readonly info: ReplicaInfo
  /** What changes between heartbeats. */
  readonly report: () => ReplicaReport
  readonly keys: FleetKeys
  readonly callsKey: string
  readonly run: RunScript
  /** Time to the next heartbeat in milliseconds. */
  readonly intervalMs: () => number
  readonly memberTimeoutMs: number
  /** Requests in flight by name of the endpoint. */
  readonly load: () => Readonly<Record<string, number>>
  /** The replica has become a member, again after a loss. */
  readonly onJoined: () => void
  /** Members joined or left; also called after `onJoined`. */
  readonly onMembers: (members: readonly Member[]) => void
  /** Each heartbeat that succeeded. */
  readonly onBeat: () => void
  /** The members have another version of the schema. */
  readonly onSchema: (version: string) => void
}

/**
 * This replica's membership, renewed by heartbeats. The lease ends, by the monotonic clock of this replica, a fixed time
 * after the last successful heartbeat was sent: never later than on the server.
 */
export class Membership {
  readonly #options: MembershipOptions
  #timer: Timer | undefined
  #isRunning = false
  #isBeating = false
  #leaseUntilMs = Number.NEGATIVE_INFINITY
  #roundTripMs: number | undefined
  #serverAheadMs = 0
  #members: readonly Member[] = []
  #signature = ''
  #epoch = ''

  constructor(options: MembershipOptions) {
    this.#options = options
  }

  /** Members at the last heartbeat, in order of ID. */
  get members(): readonly Member[] {
    return this.#members
  }

  /** Monotonic milliseconds until which this replica is a member for certain. */
  get leaseUntilMs(): number {
    return this.#leaseUntilMs
  }

  get isMember(): boolean {
    return this.#options.clock.monotonicMs() < this.#leaseUntilMs
  }

  get roundTripMs(): number | undefined {
    return this.#roundTripMs
  }

  /** What the server's clock is ahead of this replica's, as far as round trips show. */
  get serverAheadMs(): number {
    return this.#serverAheadMs
  }

  /** Of the server's data: another one after the server has lost it. */
  get epoch(): string {
    return this.#epoch
  }

  start(): void {
    this.#isRunning = true
    this.beatSoon()
  }

  /** Sends a heartbeat now. */
  beatSoon(): void {
    if (!this.#isRunning) return
    this.#timer?.cancel()
    this.#timer = this.#options.clock.after(0, () => void this.#tick())
  }

  /** Leaves the cluster: the others need not wait until the membership ends. */
  async stop(): Promise<void> {
    this.#isRunning = false
    this.#timer?.cancel()
    if (!this.isMember) return
    const { id, keys, run } = this.#options
    const message = JSON.stringify({ kind: 'left', by: id })
    await run({
      script: leaveScript,
      keys: [keys.alive, keys.members, keys.load, keys.places, keys.slots],
      args: [id, keys.news, message],
    }).catch(() => undefined)
    this.#leaseUntilMs = Number.NEGATIVE_INFINITY
  }

  async #tick(): Promise<void> {
    if (this.#isBeating) return
    this.#isBeating = true
    try {
      await this.#beat()
    } catch {
      // The runner has counted the failure.
    } finally {
      this.#isBeating = false
      if (this.#isRunning) {
        this.#timer?.cancel()
        this.#timer = this.#options.clock.after(this.#options.intervalMs(), () => void this.#tick())
      }
    }
  }

  async #beat(): Promise<void> {
    const { clock, id, info, report, keys, callsKey, run, load, memberTimeoutMs } = this.#options
    const sentMs = clock.monotonicMs()
    const sentAtMs = clock.nowMs()
    const reply = parseBeat(
      await run(
        {
          script: beatScript,
          keys: [
            keys.alive,
            keys.members,
            keys.load,
            keys.places,
            keys.schema,
            keys.state,
            keys.slots,
            keys.epoch,
            callsKey,
          ],
          args: [
            id,
            String(memberTimeoutMs),
            String(schemaVersion),
            JSON.stringify({ ...info, ...report() }),
            JSON.stringify(load()),
          ],
        },
        true,
      ),
    )
    this.#roundTripMs = clock.monotonicMs() - sentMs
    if (reply.kind === 'schema') {
      this.#options.onSchema(reply.version)
      return
    }
    if (reply.nowMs !== undefined)
      this.#serverAheadMs = within(
        this.#serverAheadMs,
        reply.nowMs - clock.nowMs(),
        reply.nowMs + 1 - sentAtMs,
      )
    // The answer to the first heartbeat of an epoch may have been lost.
    const wasMember = sentMs < this.#leaseUntilMs && !reply.isNew && reply.epoch === this.#epoch
    this.#epoch = reply.epoch
    this.#leaseUntilMs = sentMs + memberTimeoutMs
    this.#members = reply.members
    if (!wasMember) this.#options.onJoined()
    const signature = reply.members.map((member) => member.id).join(' ')
    if (signature !== this.#signature || !wasMember) {
      this.#signature = signature
      this.#options.onMembers(reply.members)
    }
    this.#options.onBeat()
  }
}

/** Stays as it is while the bounds permit: round trips differ, and time must not go back and forth. */
function within(value: number, least: number, most: number): number {
  return Math.max(Math.min(least, most), Math.min(Math.max(least, most), value))
}
