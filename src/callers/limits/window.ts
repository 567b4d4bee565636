import type { Clock } from '../../kernel/clock.ts'
import { Calendar, type CalendarPeriod, calendarPeriods } from './calendar.ts'

/** A moment, on both clocks. */
export interface Moment {
  /** Since the epoch. */
  readonly wallMs: number
  /** The same on all threads. */
  readonly monotonicMs: number
}

/** What a limit counts over: a bucket with those before it that still count. */
export interface Window {
  /** Unique; part of what is saved. */
  readonly name: string
  /** Index in `windowNames`. */
  readonly index: number
  /** Number of earlier buckets that count with the current one. */
  readonly span: number
  /** Length of a bucket of a rolling window; 0 for a calendar. */
  readonly bucketMs: number
  /** Whether its amounts outlive the process. */
  readonly isSaved: boolean
  bucketAt(moment: Moment): number
  /** Milliseconds until a bucket no longer counts. */
  leavesInMs(bucket: number, moment: Moment): number
}

/**
 * Buckets of a rolling window. The current one counts as a whole with as many before it as the window is long, so that no
 * stretch of time of that length gets more than the limit; a limit is up to a twelfth stricter than its window says.
 */
export const rollingSpan = 12

const periodMs = {
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
  week: 7 * 86_400_000,
  month: 30 * 86_400_000,
} as const
export const rollingPeriods = ['minute', 'hour', 'day', 'week', 'month'] as const
export type RollingPeriod = (typeof rollingPeriods)[number]

/** Names of all windows; cells refer to a window by its index. */
export const windowNames: readonly string[] = [
  ...rollingPeriods.map((period) => `${period} rolling`),
  ...calendarPeriods.map((period) => `${period} calendar`),
]

/** Minutes are too short to be saved, and use the monotonic clock. */
export function rollingWindow(period: RollingPeriod): Window {
  const bucketMs = periodMs[period] / rollingSpan
  const isMonotonic = period === 'minute'
  const name = `${period} rolling`
  return {
    name,
    index: windowNames.indexOf(name),
    span: rollingSpan,
    bucketMs,
    isSaved: !isMonotonic,
    bucketAt: ({ wallMs, monotonicMs }) => Math.floor((isMonotonic ? monotonicMs : wallMs) / bucketMs),
    leavesInMs: (bucket, { wallMs, monotonicMs }) =>
      (bucket + rollingSpan + 1) * bucketMs - (isMonotonic ? monotonicMs : wallMs),
  }
}

/** @param zone name as in the IANA database */
export function calendarWindow(period: CalendarPeriod, zone: string): Window {
  const calendar = new Calendar(period, zone)
  const name = `${period} calendar`
  return {
    name,
    index: windowNames.indexOf(name),
    span: 0,
    bucketMs: 0,
    isSaved: true,
    bucketAt: ({ wallMs }) => calendar.numberAt(wallMs),
    leavesInMs: (bucket, { wallMs }) => calendar.endMs(bucket) - wallMs,
  }
}

/** The windows of all limits, each made once. */
export class LimitWindows {
  readonly #zone: string
  readonly #windows = new Map<string, Window>()

  /** @param zone name of the time zone of calendar windows */
  constructor(zone: string) {
    this.#zone = zone
  }

  rolling(period: RollingPeriod): Window {
    return this.#window(`${period} rolling`, () => rollingWindow(period))
  }

  calendar(period: CalendarPeriod): Window {
    return this.#window(`${period} calendar`, () => calendarWindow(period, this.#zone))
  }

  /** @returns undefined if there is no window of that name */
  named(name: string): Window | undefined {
    const [period = '', kind] = name.split(' ')
    if (kind === 'rolling') {
      const found = rollingPeriods.find((each) => each === period)
      return found === undefined ? undefined : this.rolling(found)
    }
    const found = calendarPeriods.find((each) => each === period)
    return found === undefined ? undefined : this.calendar(found)
  }

  /** @param index of its name in `windowNames` */
  at(index: number): Window | undefined {
    return this.named(windowNames[index] ?? '')
  }

  #window(name: string, make: () => Window): Window {
    let window = this.#windows.get(name)
    if (window === undefined) {
      window = make()
      this.#windows.set(name, window)
    }
    return window
  }
}

/**
 * The time of the server that replicas share, so that days and months begin at once on replicas whose clocks differ.
 * @param state knows what the server's clock is ahead
 */
export function serverClock(clock: Clock, state: { readonly serverAheadMs: number }): Clock {
  return {
    nowMs: () => clock.nowMs() + state.serverAheadMs,
    monotonicMs: () => clock.monotonicMs(),
    after: (delayMs, run) => clock.after(delayMs, run),
  }
}
