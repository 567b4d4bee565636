import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Calendar, type CalendarPeriod } from '../../../src/callers/limits/calendar.ts'

const at = (text: string) => Date.parse(text)

/** Where the period ends that a moment is in. */
function endOf(period: CalendarPeriod, zone: string, moment: string): string {
  const calendar = new Calendar(period, zone)
  const number = calendar.numberAt(at(moment))
  const endMs = calendar.endMs(number)
  assert.equal(calendar.numberAt(endMs - 1), number, 'the last millisecond belongs to it')
  assert.notEqual(calendar.numberAt(endMs), number, 'the first of the next does not')
  return new Date(endMs).toISOString()
}

describe('the calendar of budgets', () => {
  for (const [period, zone, moment, end] of [
    ['hour', 'UTC', '2027-01-31T10:59:59.999Z', '2027-01-31T11:00:00.000Z'],
    ['day', 'UTC', '2027-01-31T10:00:00Z', '2027-02-01T00:00:00.000Z'],
    ['week', 'UTC', '2027-01-31T23:00:00Z', '2027-02-01T00:00:00.000Z'],
    ['week', 'UTC', '2027-02-01T00:00:00Z', '2027-02-08T00:00:00.000Z'],
    ['month', 'UTC', '2027-01-31T23:59:59Z', '2027-02-01T00:00:00.000Z'],
    ['month', 'UTC', '2027-02-28T12:00:00Z', '2027-03-01T00:00:00.000Z'],
    ['month', 'UTC', '2028-02-29T12:00:00Z', '2028-03-01T00:00:00.000Z'],
    ['month', 'UTC', '2026-12-31T12:00:00Z', '2027-01-01T00:00:00.000Z'],
    // The clock goes forward on 28 March 2027 and back on 31 October.
    ['day', 'Europe/Berlin', '2027-03-28T00:30:00Z', '2027-03-28T22:00:00.000Z'],
    ['day', 'Europe/Berlin', '2027-10-31T00:30:00Z', '2027-10-31T23:00:00.000Z'],
    ['month', 'Europe/Berlin', '2027-03-31T21:59:00Z', '2027-03-31T22:00:00.000Z'],
    ['month', 'Europe/Berlin', '2027-10-31T22:59:00Z', '2027-10-31T23:00:00.000Z'],
    ['hour', 'Europe/Berlin', '2027-10-31T00:30:00Z', '2027-10-31T01:00:00.000Z'],
    // Half an hour of difference, and midnights that do not exist.
    ['hour', 'Asia/Kolkata', '2027-01-01T00:10:00Z', '2027-01-01T00:30:00.000Z'],
    ['day', 'Asia/Kolkata', '2027-01-01T00:10:00Z', '2027-01-01T18:30:00.000Z'],
    ['day', 'Asia/Beirut', '2026-03-28T12:00:00Z', '2026-03-28T22:00:00.000Z'],
    ['month', 'America/New_York', '2027-01-31T23:00:00Z', '2027-02-01T05:00:00.000Z'],
  ] as const) {
    it(`ends the ${period} of ${moment} in ${zone}`, () => {
      assert.equal(endOf(period, zone, moment), end)
    })
  }

  it('numbers periods without a gap, and the repeated hour twice', () => {
    const hours = new Calendar('hour', 'Europe/Berlin')
    const first = hours.numberAt(at('2027-10-31T00:30:00Z'))
    assert.equal(hours.numberAt(at('2027-10-31T01:30:00Z')), first + 1)
    const months = new Calendar('month', 'UTC')
    const january = months.numberAt(at('2027-01-31T23:59:59Z'))
    assert.equal(months.numberAt(at('2027-02-01T00:00:00Z')), january + 1)
    assert.equal(months.numberAt(at('2027-01-01T00:00:00Z')), january, 'also when asked backwards')
  })

  it('never ends what is for ever', () => {
    const ever = new Calendar('ever', 'UTC')
    assert.equal(ever.numberAt(at('2027-01-31T00:00:00Z')), ever.numberAt(at('2127-01-31T00:00:00Z')))
    assert.equal(ever.endMs(0), Number.POSITIVE_INFINITY)
  })
})
