import { type Weekday, weekdays } from '../../../config/schema/models-schema.ts'

export interface Hours {
  /** Days on which the hours begin; empty for every day. */
  readonly days: readonly Weekday[]
  /** `08:00-18:30`; '' for the whole day. */
  readonly hours: string
  /** IANA name; '' for the machine's. */
  readonly timeZone: string
}

/** @returns whether a moment (epoch milliseconds) is within the hours */
export type IsWithin = (nowMs: number) => boolean

const minutesPerDay = 1_440
const dayNames: readonly string[] = weekdays

/** The formatter of the time zone is made once: it is expensive. */
export function withinHours({ days, hours, timeZone }: Hours): IsWithin {
  if (days.length === 0 && hours === '') return () => true
  const format = new Intl.DateTimeFormat('en-US', {
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
    ...(timeZone === '' ? {} : { timeZone }),
  })
  const [from, to] = hours === '' ? [0, minutesPerDay] : bounds(hours)
  const begins = (day: number) => days.length === 0 || days.some((each) => each === weekdays[(day + 7) % 7])
  return (nowMs) => {
    const parts = new Map(format.formatToParts(nowMs).map(({ type, value }) => [type, value]))
    const minute = 60 * Number(parts.get('hour')) + Number(parts.get('minute'))
    const name = parts.get('weekday')?.toLowerCase()
    const day = dayNames.indexOf(name ?? '')
    if (from < to) return begins(day) && minute >= from && minute < to
    // Over midnight: the evening of this day, or the morning after the day before.
    return (begins(day) && minute >= from) || (begins(day - 1) && minute < to)
  }
}

function bounds(hours: string): [number, number] {
  const [from = 0, to = 0] = hours.split('-').map((time) => {
    const [hour, minute] = time.split(':')
    return 60 * Number(hour) + Number(minute)
  })
  return [from, to]
}
