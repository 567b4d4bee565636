import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseConfig } from '../../../src/config/load.ts'
import { ConfigError } from '../../../src/config/schema/diagnostics.ts'
import { FileRest } from '../../../src/config/watch/file-rest.ts'
import { loadSettled } from '../../../src/runtime/configuration/settled-load.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const whole = 'model_aliases: {}'
const config = parseConfig({})

/** A file that the test writes, and a load of it. */
function scripted(ageMs: number, first = whole) {
  const clock = new FakeClock()
  let content: string | undefined = first
  let modifiedMs = clock.nowMs() - ageMs
  let loads = 0
  const rest = new FileRest('/config.yaml', clock, async () =>
    content === undefined ? undefined : { modifiedMs, bytes: content.length, identity: '1' },
  )
  const load = async () => {
    loads++
    if (content === whole || content === '') return { config, warnings: [] }
    const message = content === undefined ? 'no such file' : `wrong: ${content}`
    throw new ConfigError([{ severity: 'error', key: '', message }])
  }
  let outcome: string | undefined
  const begin = () => {
    loadSettled({ load, rest, clock, file: 'config.yaml' }).then(
      () => {
        outcome = 'loaded'
      },
      (error: Error) => {
        outcome = error.message
      },
    )
    return clock.advance(0)
  }
  return {
    clock,
    begin,
    outcome: () => outcome,
    loads: () => loads,
    write(text: string | undefined) {
      content = text
      modifiedMs = clock.nowMs()
    },
  }
}

/** In small steps, as what is asynchronous between the timers needs turns. */
async function pass(clock: FakeClock, ms: number): Promise<void> {
  for (let step = 0; step < ms; step += 20) await clock.advance(20)
}

describe('the load of a file that may be written now', () => {
  it('is done at once if the file was written long ago, whatever it holds', async () => {
    for (const [text, wanted] of [
      [whole, 'loaded'],
      ['typo', 'wrong: typo'],
      ['', 'config.yaml: is empty; the present one stays'],
    ] as const) {
      const { begin, clock, outcome, loads } = scripted(10_000, text)
      await begin()
      await pass(clock, 20)
      assert.deepEqual([outcome(), loads()], [wanted, 1])
    }
  })

  it('waits for a moment after a write', async () => {
    const { begin, clock, outcome } = scripted(0)
    await begin()
    assert.equal(outcome(), undefined)
    await pass(clock, 140)
    assert.equal(outcome(), 'loaded')
  })

  for (const [name, text] of [
    ['empty', ''],
    ['half', 'half'],
    ['missing', undefined],
  ] as const) {
    it(`does not report a file that is ${name} for a moment`, async () => {
      const { begin, clock, outcome, write } = scripted(10_000)
      write(text)
      await begin()
      await pass(clock, 300)
      assert.equal(outcome(), undefined)
      write(whole)
      await pass(clock, 300)
      assert.equal(outcome(), 'loaded')
    })
  }

  it('reports a wrong file once it has stayed wrong', async () => {
    const { begin, clock, outcome, write } = scripted(10_000)
    write('typo')
    await begin()
    await pass(clock, 400)
    assert.equal(outcome(), undefined)
    await pass(clock, 300)
    assert.equal(outcome(), 'wrong: typo')
  })

  it('refuses a file that stays empty', async () => {
    const { begin, clock, outcome, write } = scripted(10_000)
    write('')
    await begin()
    await pass(clock, 4_500)
    assert.equal(outcome(), undefined)
    await pass(clock, 1_000)
    assert.match(outcome() ?? '', /is empty/)
  })

  it('ends for a file that is written all the time', async () => {
    const { begin, clock, outcome, write } = scripted(0)
    await begin()
    for (let round = 0; round < 600 && outcome() === undefined; round++) {
      write(whole)
      await clock.advance(20)
    }
    assert.equal(outcome(), 'loaded')
  })

  it('trusts what it has seen if the clock of the file server is ahead', async () => {
    const { begin, clock, outcome } = scripted(-3_600_000)
    await begin()
    await pass(clock, 300)
    assert.equal(outcome(), 'loaded')
  })

  it('refuses a pipe, which would block the thread until something writes to it', async () => {
    const clock = new FakeClock()
    const rest = new FileRest('/config.yaml', clock, async () => ({
      modifiedMs: 0,
      bytes: 0,
      identity: '1',
      isSpecial: true,
    }))
    const load = () => assert.fail('it was read')
    await assert.rejects(loadSettled({ load, rest, clock, file: 'config.yaml' }), /config\.yaml.*is a pipe/)
  })
})
