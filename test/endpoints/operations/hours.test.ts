import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Hours, withinHours } from '../../../src/endpoints/operations/rules/hours.ts'

const at = (text: string) => Date.parse(text)
const berlin = { timeZone: 'Europe/Berlin' }

describe('hours of a rule', () => {
  // 2026-11-30 is a Monday; Berlin is at UTC+1 in winter and UTC+2 in summer.
  const cases: [string, Hours, [string, boolean][]][] = [
    ['no hours', { days: [], hours: '', timeZone: 'UTC' }, [['2026-11-30T03:00:00Z', true]]],
    [
      'within a day',
      { days: [], hours: '08:00-18:30', ...berlin },
      [
        ['2026-11-30T06:59:59Z', false],
        ['2026-11-30T07:00:00Z', true],
        ['2026-11-30T17:29:59Z', true],
        ['2026-11-30T17:30:00Z', false],
        ['2026-07-01T06:00:00Z', true],
      ],
    ],
    [
      'over midnight, from the evening of their day to the morning after',
      { days: ['fri'], hours: '22:00-06:00', timeZone: 'UTC' },
      [
        ['2026-12-04T21:59:00Z', false],
        ['2026-12-04T22:00:00Z', true],
        ['2026-12-05T05:59:00Z', true],
        ['2026-12-05T06:00:00Z', false],
        ['2026-12-05T22:00:00Z', false],
        ['2026-12-04T05:00:00Z', false],
      ],
    ],
    [
      'whole days, in their time zone',
      { days: ['mon', 'sun'], hours: '', timeZone: 'Asia/Tokyo' },
      [
        ['2026-11-28T15:00:00Z', true],
        ['2026-11-30T14:59:00Z', true],
        ['2026-11-30T15:00:00Z', false],
      ],
    ],
    [
      'to the end of the day',
      { days: [], hours: '20:00-24:00', timeZone: 'UTC' },
      [
        ['2026-11-30T23:59:59Z', true],
        ['2026-12-01T00:00:00Z', false],
      ],
    ],
    [
      'over midnight from Sunday to Monday',
      { days: ['sun'], hours: '23:00-01:00', timeZone: 'UTC' },
      [
        ['2026-11-30T00:30:00Z', true],
        ['2026-12-01T00:30:00Z', false],
      ],
    ],
  ]
  for (const [name, hours, moments] of cases) {
    it(`are ${name}`, () => {
      const isWithin = withinHours(hours)
      for (const [moment, expected] of moments) assert.equal(isWithin(at(moment)), expected, moment)
    })
  }
})
