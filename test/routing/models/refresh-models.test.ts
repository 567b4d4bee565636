import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { refreshModels } from '../../../src/routing/models/refresh-models.ts'
import { endpoint } from '../../observe/stats/fixtures.ts'
import { createRegistry } from '../../support/registry.ts'

function start(isRunning = true) {
  const { clock, registry } = createRegistry([0, 1, 2].map((slot) => endpoint({ slot })))
  const asked: number[] = []
  const pending: { resolve: (isRead: boolean) => void; reject: (error: Error) => void }[] = []
  const discovery = {
    isRunning,
    refresh(slot: number) {
      asked.push(slot)
      return new Promise<boolean>((resolve, reject) => pending.push({ resolve, reject }))
    },
  }
  return { clock, registry, asked, pending, run: () => refreshModels({ clock, registry, discovery }, 100) }
}

describe('refreshModels', () => {
  it('fails without discovery and without a routable endpoint', async () => {
    assert.equal(await start().run(), 'impossible')
    const { registry, run } = start(false)
    registry.setStatus(0, 'healthy', '')
    assert.equal(await run(), 'impossible')
  })

  for (const [reads, expected] of [
    [[true, false], 'done'],
    [[false, false], 'failed'],
  ] as const) {
    it(`reads routable endpoints: ${reads.join(', ')} is ${expected}`, async () => {
      const { clock, registry, asked, pending, run } = start()
      registry.setStatus(0, 'healthy', '')
      registry.setStatus(2, 'healthy', '')
      const result = run()
      assert.deepEqual(asked, [0, 2])
      for (const [at, { resolve }] of pending.entries()) resolve(reads[at] ?? false)
      assert.equal(await result, expected)
      assert.equal(clock.armed, 0)
    })
  }

  it('fails at its timeout', async () => {
    const { clock, registry, run } = start()
    registry.setStatus(0, 'healthy', '')
    const result = run()
    await clock.advance(100)
    assert.equal(await result, 'failed')
  })

  it('leaves no timer behind if a refresh throws', async () => {
    const { clock, registry, pending, run } = start()
    registry.setStatus(0, 'healthy', '')
    const result = run()
    pending[0]?.reject(new Error('broken'))
    await assert.rejects(result, /broken/)
    assert.equal(clock.armed, 0)
  })
})
