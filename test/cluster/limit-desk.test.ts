import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
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
import { FakeClock } from '../support/fake-clock.ts'

const of: CountedLimit = { key: 'k', limit: 100, bucketMs: 0, span: 0, bucket: 7, ttlMs: 1_000 }
const group: LimitGroup = { limits: [of], slots: [{ key: 's', limit: 5 }] }
const request: LimitRequest = { group, amounts: [10], known: [0], decided: 0 }
const keys = fleetKeys('olla')

interface Sent {
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
function create(threads = Number.MAX_SAFE_INTEGER) {
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

const reserved = '[[7],1]'
const used = (amount: number, ticket?: number): LimitSettlement => ({
  group,
  buckets: undefined,
  amounts: [amount],
  slots: 0,
  ticket,
})

async function verdictOf(promise: Promise<LimitVerdict> | LimitVerdict): Promise<LimitVerdict> {
  return promise
}

describe('limit desk', () => {
  it('asks the next call what became of one whose answer was lost, and counts it once', async () => {
    const server = create()
    server.answer = () => Promise.reject(new Error('timeout'))
    const asked = verdictOf(server.desk.decide(request, 0))
    await server.pass(0)
    const verdict = await asked
    assert.equal(verdict.kind, 'away')
    const ticket = verdict.kind === 'away' ? verdict.ticket : undefined
    assert.ok(ticket !== undefined)
    // The request went on with its share, and is over.
    server.answer = () => ['ok', '[]', reserved]
    server.desk.settle(used(4, ticket), 0)
    await server.pass(40)
    assert.deepEqual(server.sent[1]?.unsure, [1])
    assert.deepEqual(server.sent[1]?.own, { s: 0 })
    // It was reserved: only the difference remains.
    server.answer = () => ['ok', '[]']
    await server.pass(40)
    const last = server.sent.at(-1)
    assert.deepEqual(last?.settled, [[0, 7, -6]])
    assert.deepEqual(last?.late, [])
    assert.deepEqual(last?.unsure, [])
  })

  it('adds what a request used whose call has not run', async () => {
    const server = create()
    server.answer = () => Promise.reject(new Error('timeout'))
    const asked = verdictOf(server.desk.decide(request, 0))
    await server.pass(0)
    const verdict = await asked
    server.answer = () => ['ok', '[]', '']
    await server.pass(40)
    const ticket = verdict.kind === 'away' ? verdict.ticket : undefined
    server.desk.settle(used(4, ticket), 0)
    await server.pass(40)
    const late = server.sent.flatMap((each) => each.late)
    assert.deepEqual(late, [[0, 0, 7, 1_000, 4]])
    assert.deepEqual(
      server.sent.flatMap((each) => each.settled),
      [],
    )
  })

  it('settles what was settled in a call that has not run, once more', async () => {
    const server = create()
    server.answer = () => Promise.reject(new Error('timeout'))
    server.desk.settle({ ...used(-3), buckets: [7] }, 0)
    server.desk.settle(used(5), 0)
    await server.pass(20)
    assert.deepEqual(server.sent[0]?.settled, [[0, 7, -3]])
    server.answer = () => ['ok', '[]', '']
    await server.pass(60)
    server.answer = () => ['ok', '[]']
    await server.pass(60)
    assert.deepEqual(server.sent.at(-1)?.settled, [[0, 7, -3]])
    assert.equal(server.sent.filter(({ late }) => late.length > 0).length, 2)
    // Had it run, nothing would be left.
    const count = server.sent.length
    await server.pass(100)
    assert.equal(server.sent.length, count)
  })

  it('reports slots that were taken without the server, and frees them', async () => {
    const server = create()
    server.state.current = 'away'
    server.desk.taken(['s'], 0)
    server.state.current = 'joined'
    server.answer = () => ['ok', '[]']
    server.desk.joined()
    await server.pass(0)
    assert.deepEqual(server.sent[0]?.own, { s: 1 })
    server.desk.settle({ ...used(0), slots: 1 }, 0)
    await server.pass(30)
    assert.deepEqual(server.sent[1]?.own, { s: 0 })
  })

  it('joins again when the server has lost its membership, and counts nothing of that call', async () => {
    const server = create()
    server.answer = () => ['lost']
    const asked = verdictOf(server.desk.decide(request, 0))
    await server.pass(0)
    assert.deepEqual(await asked, { kind: 'away' })
    assert.equal(server.state.rejoined, 1)
    assert.deepEqual(server.sent.at(-1)?.unsure, [])
  })

  it('decides nothing more while it is unsure of many calls', async () => {
    const server = create()
    server.answer = () => Promise.reject(new Error('timeout'))
    for (let call = 0; call < 20; call++) {
      const asked = verdictOf(server.desk.decide(request, 0))
      await server.pass(0)
      assert.equal((await asked).kind, 'away')
    }
    assert.equal(server.sent.at(-1)?.requests.length, 0)
    assert.equal(server.sent.at(-1)?.unsure.length, 8)
  })

  it('asks again when another replica has given leases back', async () => {
    const server = create()
    server.answer = () => ['ok', '[[7],[2,0,95,0,1]]']
    const asked = verdictOf(server.desk.decide(request, 0))
    await server.pass(0)
    server.answer = () => ['ok', reserved]
    server.desk.news({ isFree: true })
    await server.pass(0)
    assert.deepEqual(await asked, { kind: 'reserved', buckets: [7] })
    assert.equal(server.sent.length, 2)
  })

  it('refuses a request that may ask again once it has waited for the timeout', async () => {
    const server = create()
    server.answer = () => ['ok', '[[7],[3,0,1]]']
    const asked = verdictOf(server.desk.decide(request, 0))
    for (let ms = 0; ms < 20; ms++) await server.pass(1)
    assert.deepEqual(await asked, { kind: 'slot', at: 0 })
    assert.ok(server.sent.length > 2, String(server.sent.length))
  })

  it('refuses it when the next answer is lost, and uses nothing of what that call has reserved', async () => {
    const server = create()
    server.answer = () => ['ok', '[[7],[2,0,95,0,1]]']
    const asked = verdictOf(server.desk.decide(request, 0))
    await server.pass(0)
    server.answer = () => Promise.reject(new Error('timeout'))
    server.desk.news({ isFree: true })
    await server.pass(0)
    assert.deepEqual(await asked, { kind: 'amount', at: 0, total: 95, waitMs: 0 })
    server.answer = ({ unsure }) => ['ok', '[]', ...unsure.map(() => reserved)]
    await server.pass(40)
    server.answer = () => ['ok', '[]']
    await server.pass(40)
    assert.deepEqual(server.sent.at(-1)?.settled, [[0, 7, -10]])
  })

  it('gives a lease back when another replica wants it, and reports that it has', async () => {
    const server = create()
    server.answer = () => ['ok', '[[7],1,[0,200,40,6]]']
    await Promise.all([verdictOf(server.desk.decide(request, 0)), server.pass(0)])
    server.answer = () => ['ok', '[]']
    assert.deepEqual(server.desk.decide(request, 0), { kind: 'reserved', buckets: [7] })
    assert.equal(server.sent.length, 1)
    server.desk.news({ wanted: [`${keys.limits}other`] })
    assert.equal(server.sent.length, 1)
    server.desk.news({ wanted: [`${keys.limits}k`, 's'] })
    await server.pass(0)
    const { settled, own, freed, recalled } = server.sent[1] ?? assert.fail()
    assert.deepEqual(
      { settled, own, freed, recalled },
      {
        settled: [[0, 7, -30]],
        own: { s: 2 },
        freed: [`${keys.limits}k`, 's'],
        recalled: 1,
      },
    )
  })

  it('recalls what threads were lent for a request that would be refused, and asks again', async () => {
    const server = create(1)
    server.answer = () => ['ok', '[[7],1,[0,200,40,6]]']
    await Promise.all([verdictOf(server.desk.decide(request, 0)), server.pass(0)])
    const lent = { amounts: [30], slots: 4, untilMs: 200 }
    assert.deepEqual(server.desk.decide(request, 0), { kind: 'reserved', buckets: [7], lent })
    const answers = ['[[7],[2,0,95,0,0]]', reserved]
    server.answer = () => ['ok', answers.shift()]
    const asked = verdictOf(server.desk.decide(request, 1))
    await server.pass(10)
    assert.deepEqual(server.recalled, [['k', 's']])
    assert.deepEqual(await asked, { kind: 'reserved', buckets: [7] })
    // Nothing is lent any more.
    server.answer = () => ['ok', '[[7],[2,0,95,0,0]]']
    const refused = verdictOf(server.desk.decide(request, 1))
    await server.pass(0)
    assert.equal((await refused).kind, 'amount')
    assert.equal(server.recalled.length, 1)
  })

  it('recalls what threads were lent when another replica wants it, and when it stops', async () => {
    for (const recall of [
      ({ desk }: ReturnType<typeof create>) => desk.news({ wanted: [`${keys.limits}k`] }),
      ({ desk }: ReturnType<typeof create>) => desk.stop(),
    ]) {
      const server = create(1)
      server.answer = () => ['ok', '[[7],1,[0,200,40,6]]']
      await Promise.all([verdictOf(server.desk.decide(request, 0)), server.pass(0)])
      server.answer = () => ['ok', '[]']
      server.desk.decide(request, 0)
      void recall(server)
      await server.pass(0)
      assert.ok(server.recalled[0]?.includes('k'))
      assert.ok(server.sent.at(-1)?.freed.includes(`${keys.limits}k`))
    }
  })

  it('returns what a call has leased whose answer was late', async () => {
    const server = create()
    server.answer = () => Promise.reject(new Error('timeout'))
    const asked = verdictOf(server.desk.decide(request, 0))
    await server.pass(0)
    assert.equal((await asked).kind, 'away')
    server.answer = () => ['ok', '[]', '[[7],1,[0,200,40,6]]']
    await server.pass(20)
    server.answer = () => ['ok', '[]']
    await server.pass(40)
    assert.deepEqual(server.sent.at(-1)?.settled, [[0, 7, -40]])
  })

  it('restores what it saw to a server that has lost calls, then asks again', async () => {
    const server = create()
    const seen = ({ requests }: Sent, amount: number) => [
      'ok',
      `[[7]${requests.map(() => ',1').join('')}]`,
      `1000,${amount}`,
    ]
    server.answer = (sent) => seen(sent, 10)
    assert.equal((await server.decided(request)).kind, 'reserved')
    server.answer = (sent) => seen(sent, 20)
    assert.equal((await server.decided(request)).kind, 'reserved')
    // It knows the first call only.
    server.state.latest = 1
    server.answer = (sent) => (sent.acked > server.state.latest ? ['behind'] : seen(sent, 30))
    assert.equal((await server.decided(request)).kind, 'reserved')
    assert.deepEqual(server.reports, [
      { number: 2, amounts: [], isLast: false },
      { number: 2, amounts: [[0, 7, 1_000, 20, 1_000]], isLast: true },
    ])
    assert.deepEqual([server.state.losses, server.state.published], [1, ['amounts-lost']])
    assert.deepEqual(
      server.sent.map(({ acked }) => acked),
      [0, 1, 2, 2],
    )
  })

  it('reports nothing that calls have seen which the server still knows', async () => {
    const server = create()
    server.answer = () => ['ok', '[[7],1]', '1000,10']
    await server.decided(request)
    server.state.latest = 1
    server.desk.missed()
    await server.pass(0)
    assert.deepEqual(server.reports, [{ number: 1, amounts: [], isLast: false }])
    assert.equal(server.state.losses, 0)
  })

  it('compares what it saw when it has made no call for long, and never before the first call', async () => {
    const server = create()
    server.desk.joined()
    await server.pass(120_000)
    server.desk.beat()
    await server.pass(0)
    assert.equal(server.reports.length, 0)
    server.answer = () => ['ok', '[[7],1]', '1000,10']
    await server.decided(request)
    server.desk.beat()
    assert.equal(server.reports.length, 0)
    await server.pass(61_000)
    server.desk.beat()
    server.desk.beat()
    await server.pass(0)
    assert.equal(server.reports.length, 1)
  })

  it('lets no request wait longer than the timeout, however the server answers', async () => {
    const delays = fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(
        delays,
        fc.array(fc.integer({ min: 0, max: 15 }), { maxLength: 40 }),
        async (answers, gaps) => {
          const server = create()
          let calls = 0
          server.answer = ({ requests, unsure }) => {
            const delayMs = answers[calls++ % answers.length] ?? 0
            const text = `[[7]${requests.map(() => ',1').join('')}]`
            return new Promise((resolve, reject) => {
              // As the runner does: the call itself ends after the timeout.
              server.clock.after(Math.min(delayMs, 20), () =>
                delayMs > 20 ? reject(new Error('timeout')) : resolve(['ok', text, ...unsure.map(() => '')]),
              )
            })
          }
          const waits: number[] = []
          for (const gap of gaps) {
            const sinceMs = server.clock.monotonicMs()
            void verdictOf(server.desk.decide(request, 0)).then(() =>
              waits.push(server.clock.monotonicMs() - sinceMs),
            )
            await server.pass(gap)
          }
          for (let more = 0; more < 30; more++) await server.pass(1)
          assert.equal(waits.length, gaps.length)
          assert.ok(
            waits.every((ms) => ms <= 20),
            waits.join(' '),
          )
        },
      ),
      { numRuns: 30 },
    )
  })
})
