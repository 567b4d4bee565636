export const calendarPeriods = ['hour', 'day', 'week', 'month', 'ever'] as const
export type CalendarPeriod = (typeof calendarPeriods)[number]

const hourMs = 3_600_000
const dayMs = 24 * hourMs

/**
 * Numbers the hours, days, weeks (from Monday) or months of a time zone. The current one is remembered, so that the zone
 * is asked only at its ends.
 */
export class Calendar {
  readonly #number: (ms: number) => number
  readonly #isEndless: boolean
  #current = Number.NaN
  #startMs = Number.POSITIVE_INFINITY
  #endMs = Number.NEGATIVE_INFINITY

  /** @param zone name as in the IANA database */
  constructor(period: CalendarPeriod, zone: string) {
    this.#number = numbering(period, zone)
    this.#isEndless = period === 'ever'
  }

  /** @param ms since the epoch */
  numberAt(ms: number): number {
    if (this.#isEndless) return 0
    if (ms < this.#startMs || ms >= this.#endMs) this.#find(ms)
    return this.#current
  }

  /** When the period of that number ends, in milliseconds since the epoch; infinite if it does not. */
  endMs(number: number): number {
    if (this.#isEndless) return Number.POSITIVE_INFINITY
    if (number === this.#current) return this.#endMs
    return firstAfter(this.#number, number, this.#endMs === Number.NEGATIVE_INFINITY ? 0 : this.#endMs)
  }

  #find(ms: number): void {
    const number = this.#number(ms)
    this.#current = number
    this.#startMs = firstAfter(this.#number, number - 1, ms)
    this.#endMs = firstAfter(this.#number, number, ms)
  }
}

/** The first millisecond with a number above `number`; one is looked for around `ms`. */
function firstAfter(numberAt: (ms: number) => number, number: number, ms: number): number {
  let low = ms
  let high = ms
  let step = hourMs
  while (numberAt(low) > number) {
    low -= step
    step *= 2
  }
  step = hourMs
  while (numberAt(high) <= number) {
    high += step
    step *= 2
  }
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (numberAt(middle) > number) high = middle
    else low = middle
  }
  return high
}

function numbering(period: CalendarPeriod, zone: string): (ms: number) => number {
  const local = zone === 'UTC' ? utcParts : zoneParts(zone)
  switch (period) {
    case 'ever':
      return () => 0
    case 'hour':
      return hourNumbering(local)
    case 'day':
      return (ms) => dayOf(local(ms))
    case 'week':
      // The epoch was a Thursday.
      return (ms) => Math.floor((dayOf(local(ms)) + 3) / 7)
    case 'month':
      return (ms) => {
        const { year, month } = local(ms)
        return year * 12 + month - 1
      }
  }
}

interface LocalTime {
  readonly year: number
  readonly month: number
  readonly day: number
  readonly minute: number
}

/**
 * An hour that a zone repeats when its clock goes back is two, so hours are numbered by the moment at which they begin.
 * All zones of today differ from UTC by whole minutes.
 */
function hourNumbering(local: (ms: number) => LocalTime): (ms: number) => number {
  return (ms) => {
    const minutes = Math.floor(ms / 60_000)
    return Math.floor((minutes - local(ms).minute) / 60)
  }
}

function dayOf({ year, month, day }: LocalTime): number {
  return Math.floor(Date.UTC(year, month - 1, day) / dayMs)
}

function utcParts(ms: number): LocalTime {
  const date = new Date(ms)
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    minute: date.getUTCMinutes(),
  }
}

function zoneParts(zone: string): (ms: number) => LocalTime {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    minute: 'numeric',
  })
  return (ms) => {
    const parts = new Map(format.formatToParts(ms).map(({ type, value }) => [type, Number(value)]))
    return {
      year: parts.get('year') ?? 0,
      month: parts.get('month') ?? 0,
      day: parts.get('day') ?? 0,
      minute: parts.get('minute') ?? 0,
    }
  }
}
