/** Serving threads that were lent amounts and slots: limits stay exact over all threads of all replicas. */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { noLimits } from '../../src/callers/contract/defaults.ts'
import type { KnownCaller } from '../../src/callers/directory/known-caller.ts'
import { CallerLimiter } from '../../src/callers/limits/caller-limiter.ts'
import { Estimates } from '../../src/callers/limits/estimates.ts'
import { callerLimitCells } from '../../src/callers/limits/limit-cells.ts'
import { SharedLimits } from '../../src/callers/limits/shared-limits.ts'
import { PriceTable } from '../../src/callers/prices/price-table.ts'
import type { Limits } from '../../src/config/schema/callers-schema.ts'
import { inspectRequest } from '../../src/dialects/requests/inspect.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { GatewayError } from '../../src/kernel/errors.ts'
import { SharedState } from '../../src/runtime/cells/shared-state.ts'
import { limitFleet } from '../support/limit-fleet.ts'
import { connectLinks } from '../support/links.ts'
import { startRedis, whyNoRedis } from '../support/redis.ts'
import { requestContext } from '../support/request-context.ts'
import { eventually } from '../support/simulator.ts'

const skip = whyNoRedis ?? false
const path = '/v1/chat/completions'
const body = Buffer.from(JSON.stringify({ model: 'm', max_tokens: 40, messages: [] }))
const inspection = inspectRequest(body, 'application/json', path)
const routing = { decision: 'routed', reason: '', strategy: '', candidates: [], tiers: [] } as never
const record = {
  ...{
    endpointSlot: 0,
    model: 'm',
    outcome: 'success' as const,
    status: 200,
    requestBytes: 1,
    responseBytes: 1,
  },
  ...{ durationMs: 1, firstByteMs: 1, promptTokens: 3, completionTokens: 4, completedAtMs: 0 },
}

describe('limits that are lent to serving threads', { skip }, async () => {
  const redis = skip === false ? await startRedis() : undefined
  if (redis === undefined) return

  async function start(t: TestContext, limits: Partial<Limits>) {
    const caller: KnownCaller = {
      ...{ keyId: 'key_1', keyName: 'ci', owner: undefined, team: undefined, access: undefined },
      ...{ parameters: undefined, priority: 'normal', weight: 1, entry: [] },
      subjects: [{ kind: 'key', id: 'key_1', limits: { ...noLimits, ...limits } }],
    }
    const sent = { requests: 0 }
    const lines = Array.from({ length: 2 }, () => connectLinks(t, 2))
    const linkOf = (replica: number) => lines[replica]?.control ?? assert.fail()
    const fleet = await limitFleet(redis?.url ?? '', 2, { linkOf })
    const threads = lines.flatMap(({ serving }) => {
      const cells = new SharedState().of(callerLimitCells)
      return serving.map((link) => {
        const limiter = new CallerLimiter({
          ...{ clock: systemClock, cells, zone: 'UTC', keepsTotals: true },
          estimates: new Estimates(() => 1),
          prices: new PriceTable([]),
          onWarning: () => undefined,
        })
        const shared = new SharedLimits({
          ...{ clock: systemClock, link },
          state: { isJoined: true, isSettling: false, shareOf: (limit) => limit },
          slotsInUse: (row) => cells.slots.value(row),
        })
        /** @returns whether it was served */
        return async (): Promise<boolean> => {
          const context = requestContext({ sentMs: 1 })
          try {
            limiter.reserve(context, caller, { path, body, inspection, routing })
          } catch (error) {
            if (error instanceof GatewayError) return false
            throw error
          }
          const question = shared.confirm(context)
          if (question !== undefined) {
            sent.requests++
            if ((await question) !== undefined) {
              shared.settle(context, undefined)
              limiter.release(context)
              return false
            }
          }
          await wait(0)
          shared.settle(context, limiter.settle(context, record))
          return true
        }
      })
    })
    /** Each client asks one thread. */
    const load = async (clients: number, turns: number) => {
      const served = await Promise.all(
        Array.from({ length: clients }, async (_, client) => {
          let count = 0
          for (let turn = 0; turn < turns; turn++)
            if ((await threads[client % threads.length]?.()) === true) count++
          return count
        }),
      )
      return served.reduce((sum, each) => sum + each, 0)
    }
    return { ...fleet, load, sent }
  }

  it('let exactly the limit through', async (t) => {
    const limit = 4_000
    const { load, sent, calls, stored, slots } = await start(t, {
      requests_per_minute: limit,
      max_concurrent: 100,
    })
    // More than the limit in less than a minute.
    assert.equal(await load(24, 250), limit)
    t.diagnostic(`${sent.requests} messages, ${calls.made} calls`)
    assert.ok(sent.requests < 6_000, `${sent.requests} messages`)
    await eventually(
      async () => (await stored('key:key_1:rate requests minute rolling')) === limit && (await slots()) === 0,
    )
  })

  it('count the tokens that were used', async (t) => {
    const budgets = [
      {
        amount: 10 ** 8,
        unit: 'tokens' as const,
        period: 'month' as const,
        window: 'calendar' as const,
        soft: 0,
      },
    ]
    const { load, sent, stored, replicas } = await start(t, { budgets, max_concurrent: 200 })
    assert.equal(await load(16, 200), 3_200)
    assert.ok(sent.requests < 3_200, `${sent.requests} messages`)
    await Promise.all(replicas.map((desk) => desk.stop()))
    assert.equal(await stored('key:key_1:budget total month calendar'), 3_200 * 7)
  })
})
