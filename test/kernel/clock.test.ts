import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { persistentClock, systemClock } from '../../src/kernel/clock.ts'

describe('a timer', () => {
  for (const [name, clock] of Object.entries({ systemClock, persistentClock })) {
    it(`does not run at once because its delay is too long for Node (${name})`, async (t) => {
      const warnings: string[] = []
      const note = (warning: Error) => warnings.push(warning.name)
      process.on('warning', note)
      t.after(() => process.off('warning', note))
      for (const delayMs of [2 ** 31, 2 ** 40, Number.POSITIVE_INFINITY]) {
        const timer = clock.after(delayMs, () => {})
        await setImmediate()
        timer.cancel()
      }
      assert.deepEqual(warnings, [])
    })
  }
})
