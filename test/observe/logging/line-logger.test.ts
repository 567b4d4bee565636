import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import pino from 'pino'
import { LineBatch } from '../../../src/observe/logging/line-batch.ts'
import { createLineLogger } from '../../../src/observe/logging/line-logger.ts'
import { FakeClock } from '../../support/fake-clock.ts'

function create(level: string) {
  const clock = new FakeClock()
  const lines: string[] = []
  const batch = new LineBatch(0, (line) => lines.push(line))
  return { clock, lines, logger: createLineLogger(level, batch, clock) }
}

describe('createLineLogger', () => {
  it('writes what pino writes for the same record', () => {
    const record = fc.record(
      {
        text: fc.string({ unit: 'binary' }),
        number: fc.double({ noNaN: true, noDefaultInfinity: true }),
        list: fc.array(fc.string()),
        gone: fc.constant(undefined),
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(record, fc.string(), (fields, message) => {
        const { clock, lines, logger } = create('info')
        const expected: string[] = []
        const reference = pino(
          {
            base: null,
            timestamp: () => `,"time":"${new Date(clock.nowMs()).toISOString()}"`,
            formatters: { level: (label) => ({ level: label }) },
          },
          { write: (line) => void expected.push(line) },
        )
        logger.info(fields, message)
        reference.info(fields, '%s', message)
        assert.deepEqual(JSON.parse(lines[0] ?? ''), JSON.parse(expected[0] ?? ''))
        assert.ok(lines[0]?.endsWith('}\n') && lines[0].indexOf('\n') === lines[0].length - 1)
      }),
    )
  })

  it('writes the time of each line', async () => {
    const { clock, lines, logger } = create('info')
    logger.info({}, 'a')
    await clock.advance(1)
    logger.warn({}, 'b')
    assert.deepEqual(
      lines.map((line) => JSON.parse(line)),
      [
        { level: 'info', time: '2027-01-15T08:00:00.000Z', msg: 'a' },
        { level: 'warn', time: '2027-01-15T08:00:00.001Z', msg: 'b' },
      ],
    )
  })

  it('writes members that are already JSON like their record', () => {
    const record = { text: 'a "b"', number: 1.5, list: ['x'] }
    const { lines, logger } = create('info')
    logger.warn(record, 'said "so"')
    logger.composed?.begin('warn')
    for (const piece of JSON.stringify(record).slice(1, -1)) logger.composed?.append(piece)
    logger.composed?.end('said "so"')
    assert.equal(lines[1], lines[0])
    assert.equal(lines.length, 2)
  })

  it('omits lines below the level, and reports that in advance', () => {
    const { lines, logger } = create('warn')
    logger.debug({}, 'debug')
    logger.info({}, 'info')
    logger.warn({}, 'warn')
    logger.error({}, 'error')
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).msg),
      ['warn', 'error'],
    )
    assert.deepEqual(
      ['debug', 'info', 'warn', 'error'].map((level) => logger.isLevelEnabled?.(level)),
      [false, false, true, true],
    )
  })
})
