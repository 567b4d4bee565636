import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Affinity } from '../../../src/proxy/contract/affinity.ts'
import type { RelayObserver } from '../../../src/proxy/contract/answer-observer.ts'
import { guardedAffinity, guardedObserve } from '../../../src/proxy/exchange/guarded.ts'
import { answerWith, createExchanges } from '../../support/exchange.ts'

const json = ['Content-Type', 'application/json', 'Content-Length', '4']

function fail(): never {
  throw new Error('mine')
}

/** What went wrong where, in order. */
function errors() {
  const told: string[] = []
  return { told, onError: (error: unknown, part: string) => void told.push(`${part}: ${String(error)}`) }
}

describe('a host’s observer', () => {
  it('reads answers as usual unless it throws', async (t) => {
    const { told, onError } = errors()
    const read: string[] = []
    const observe = () => ({
      push: (chunk: Buffer) => void read.push(chunk.toString()),
      end: (outcome: string) => void read.push(outcome),
    })
    const { sent, begin } = createExchanges(t, [{}], { observe: guardedObserve(observe, 'mine', onError) })
    const { answer } = await begin()
    answerWith(sent[0] ?? assert.fail(), 200, json, 'ab', 'cd')
    assert.equal(await (await answer).text(), 'abcd')
    assert.deepEqual(read, ['ab', 'cd', 'success'])
    assert.deepEqual(told, [])
  })

  const broken: Readonly<Record<string, () => RelayObserver | undefined>> = {
    'when it is created': fail,
    'at the first chunk': () => ({ push: fail, end: fail }),
    'at the end': () => ({ push: () => {}, end: fail }),
  }
  for (const [when, observe] of Object.entries(broken)) {
    it(`does not fail the request if it throws ${when}, and is logged once`, async (t) => {
      const { told, onError } = errors()
      const { sent, begin, services } = createExchanges(t, [{}], {
        observe: guardedObserve(observe, 'mine', onError),
      })
      const { answer, context } = await begin()
      answerWith(sent[0] ?? assert.fail(), 200, json, 'ab', 'cd')
      assert.equal(await (await answer).text(), 'abcd')
      assert.equal(context.outcome, 'success')
      assert.equal(services.active.size, 0)
      assert.deepEqual(told, ['mine: Error: mine'])
    })
  }
})

describe('a host’s affinity', () => {
  it('keeps its decisions and its own `this` unless it throws', async (t) => {
    const { told, onError } = errors()
    class Pinning implements Affinity {
      readonly told: unknown[] = []

      prefer(...[, candidates]: Parameters<Affinity['prefer']>) {
        return this.told.length === 0 ? candidates[1] : undefined
      }

      answered(...[, { endpoint }, statusCode]: Parameters<Affinity['answered']>) {
        this.told.push(endpoint.name, statusCode)
      }

      observe(): RelayObserver {
        return { push: () => {}, end: (outcome) => void this.told.push(outcome) }
      }
    }
    const pinning = new Pinning()
    const affinity = guardedAffinity(pinning, onError)
    const { sent, begin } = createExchanges(t, [{ name: 'one' }, { name: 'two' }], {
      affinity,
      observe: affinity.observe,
    })
    const { answer } = await begin()
    answerWith(sent[0] ?? assert.fail(), 200, json, 'abcd')
    assert.equal(await (await answer).text(), 'abcd')
    assert.deepEqual(pinning.told, ['two', 200, 'success'])
    assert.deepEqual(told, [])
  })

  it('leaves the choice to the selector if it throws', async (t) => {
    const { told, onError } = errors()
    const affinity = guardedAffinity({ prefer: fail, answered: fail }, onError)
    assert.equal(affinity.observe, undefined)
    const { sent, begin } = createExchanges(t, [{ name: 'one' }, { name: 'two' }], { affinity })
    const { answer, context } = await begin()
    answerWith(sent[0] ?? assert.fail(), 200, json, 'abcd')
    assert.equal(await (await answer).text(), 'abcd')
    assert.equal(context.endpoint, 'one')
    assert.deepEqual(told, ['requestAffinity.prefer: Error: mine', 'requestAffinity.answered: Error: mine'])
  })
})
