import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openai } from '../../../src/dialects/openai/index.ts'
import { RequestContext } from '../../../src/proxy/contract/context.ts'
import { hookedAttempt, RequestHookList } from '../../../src/proxy/request/hooks.ts'
import type { RoutingOutcome } from '../../../src/routing/models/router.ts'
import { endpoint } from '../../observe/stats/fixtures.ts'

const context = () => new RequestContext('id', 0, openai, 'proxy', '127.0.0.1')
const routing: RoutingOutcome = {
  tiers: [],
  candidates: [],
  strategy: undefined,
  decision: 'routed',
  reason: '',
  status: 200,
  knowledge: 'found',
}
const attempt = hookedAttempt(1, {
  endpoint: endpoint({ name: 'box' }),
  sentModel: 'm',
  nativeModel: 'm',
  isWarm: undefined,
  abilities: undefined,
})

describe('RequestHookList', () => {
  it('runs all hooks in order of registration, until they are removed', () => {
    const told: string[] = []
    const list = new RequestHookList(() => assert.fail())
    const remove = list.add({ onRoute: () => told.push('first') })
    list.add({ onRoute: () => told.push('second') })
    list.routed(context(), routing)
    remove()
    list.routed(context(), routing)
    assert.deepEqual(told, ['first', 'second', 'second'])
  })

  it('joins the headers of all hooks, and ignores one that throws', () => {
    const failed: string[] = []
    const list = new RequestHookList((_error, hook) => failed.push(hook))
    list.add({ onAttempt: () => ['a', '1'] })
    list.add({
      onAttempt() {
        throw new Error('mine')
      },
    })
    list.add({ onAttempt: () => undefined })
    list.add({ onAttempt: () => ['b', '2'] })
    assert.deepEqual(list.attemptBegins(context(), attempt), ['a', '1', 'b', '2'])
    assert.deepEqual(failed, ['onAttempt'])
  })

  it('observes attempts only if a hook requires it', () => {
    const list = new RequestHookList(() => assert.fail())
    list.add({ onResponse: () => {} })
    assert.equal(list.watchesAttempts, false)
    const remove = list.add({ onAttemptEnd: () => {} })
    assert.equal(list.watchesAttempts, true)
    remove()
    assert.equal(list.watchesAttempts, false)
  })

  it('reports usage only if an endpoint reported some, before the end', () => {
    const told: unknown[] = []
    const list = new RequestHookList(() => assert.fail())
    list.add({
      onUsage: (_request, usage) => told.push(usage),
      onResponse: (_request, outcome) => told.push(outcome),
    })
    list.over(context(), 'failure')
    const counted = context()
    counted.completionTokens = 7
    list.over(counted, 'success')
    assert.deepEqual(told, ['failure', { promptTokens: undefined, completionTokens: 7 }, 'success'])
  })
})
