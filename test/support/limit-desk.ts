import { setImmediate as turn } from 'node:timers/promises'
import type { ScriptCall } from '../../src/cluster/connection/script-runner.ts'
import type {
  CountedLimit,
  LimitGroup,
  LimitRequest,
  LimitSettlement,
  LimitVerdict,
} from '../../src/cluster/contract/limits.ts'
import type { ClusterState } from '../../src/cluster/contract/status.ts'
import { LimitDesk } from '../../src/cluster/limits/limit-desk.ts'
import { fleetKeys } from '../../src/cluster/scripts/keys.ts'
import { FakeClock } from './fake-clock.ts'

const of: CountedLimit = { key: 'k', limit: 100, bucketMs: 0, span: 0, bucket: 7, ttlMs: 1_000 }
export const group: LimitGroup = { limits: [of], slots: [{ key: 's', limit: 5 }] }
export const request: LimitRequest = { group, amounts: [10], known: [0], decided: 0 }
export const keys = fleetKeys('olla')

export interface Sent {
  readonly number: number
  readonly acked: number
  readonly unsure: readonly number[]
  readonly own: Readonly<Record<string, number>>
  readonly settled: readonly unknown[]
  readonly late: readonly (readonly number[])[]
  readonly requests: readonly unknown[]
  readonly freed: readonly string[]
  readonly recalled: number
}

interface Report {
  readonly number: number
  readonly amounts: readonly (readonly number[])[]
  readonly isLast: boolean
}

/** @param threads that share what is lent; with so many, each gets nothing */
export function createDesk(threads = Number.MAX_SAFE_INTEGER) {
  const clock = new FakeClock()
  const sent: Sent[] = []
  const reports: Report[] = []
  const recalled: string[][] = []
  const state = {
    current: 'joined' as ClusterState,
    rejoined: 0,
    losses: 0,
    published: [] as string[],
    /** Number of the last call that the server knows. */
    latest: Number.POSITIVE_INFINITY,
  }
  let answer: (sent: Sent) => Promise<unknown> | unknown = () => new Promise(() => {})
  const desk = new LimitDesk({
    clock,
    timeoutMs: 20,
    onLoss: () => void state.losses++,
    threads,
    recall: async (names) => void recalled.push([...names]),
    cluster: {
      id: 'a',
      keys,
      callsKey: keys.calls('a', '1'),
      epoch: '1',
      get state() {
        return state.current
      },
      rejoin: () => void state.rejoined++,
      publish: (kind) => void state.published.push(kind),
      async runInBackground({ args }: ScriptCall) {
        const report = JSON.parse(args[1] ?? '') as Report
        reports.push(report)
        if (report.number <= state.latest) return ['current']
        const reply = ['behind', state.latest]
        if (report.isLast) state.latest = report.number
        return reply
      },
      async run({ args }: ScriptCall) {
        const data = JSON.parse(args[2] ?? '') as Sent
        sent.push(data)
        return answer(data)
      },
    },
  })
  const pass = async (ms: number) => {
    await turn()
    await clock.advance(ms)
    await turn()
  }
  return {
    clock,
    sent,
    reports,
    recalled,
    desk,
    state,
    pass,
    async decided(asked: LimitRequest): Promise<LimitVerdict> {
      const verdict = verdictOf(desk.decide(asked, 0))
      await pass(0)
      return verdict
    },
    /** Sets how the server answers from now on. */
    set answer(next: typeof answer) {
      answer = next
    },
  }
}

export const reserved = '[[7],1]'
export const used = (amount: number, ticket?: number): LimitSettlement => ({
  group,
  buckets: undefined,
  amounts: [amount],
  slots: 0,
  ticket,
})

export async function verdictOf(promise: Promise<LimitVerdict> | LimitVerdict): Promise<LimitVerdict> {
  return promise
}
