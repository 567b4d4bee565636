/** How the page writes numbers: short, with their unit, and of constant width in tabular figures. */

/** Shown for an unknown value. */
export const absent = '–'

/** `0`, `950`, `1.2k`, `34k`, `5.6M`. */
export function formatCount(value: number): string {
  const steps = [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const
  for (const [size, suffix] of steps) {
    // 999,950 rounds to 1,000k: use the next unit.
    if (value >= size * 0.9995) return `${threeDigits(value / size)}${suffix}`
  }
  return value < 100 && !Number.isInteger(value) ? threeDigits(value) : String(Math.round(value))
}

/** `1 client`, `2 clients`. */
export function formatPlural(count: number, word: string): string {
  return `${formatCount(count)} ${count === 1 ? word : `${word}s`}`
}

/** Per second: `0`, `0.25`, `4.2`, `120`. */
export function formatRate(perSecond: number | undefined): string {
  if (perSecond === undefined) return absent
  if (perSecond > 0 && perSecond < 0.01) return '<0.01'
  return formatCount(perSecond)
}

/** `0 ms`, `250 ms`, `1.5 s`, `2 min 5 s`, `3 h 2 min`. */
export function formatMs(ms: number | undefined): string {
  if (ms === undefined) return absent
  if (ms > 0 && ms < 1) return '<1 ms'
  if (ms < 9.95 && !Number.isInteger(ms)) return `${ms.toFixed(1)} ms`
  if (Math.round(ms) < 1000) return `${Math.round(ms)} ms`
  if (ms < 9_995) return `${(ms / 1000).toFixed(2)} s`
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
  return `${Math.floor(minutes / 1440)} d ${Math.floor((minutes % 1440) / 60)} h`
}

/** Whole units: `5 s`, `12 min`, `3 h 2 min`, `4 d 1 h`. */
export function formatSpan(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  return minutes < 60 ? `${minutes} min` : formatMs(minutes * 60_000)
}

/** A time as Olla writes it, with this page's units: `955ms`, `1.5s`, `3m ago` become `955 ms`, `1.5 s`, `3 min ago`. */
export function formatOllaTime(text: string): string {
  return text.replace(
    /(\d)(ms|[smhd])\b/g,
    (_all, digit: string, unit: string) => `${digit} ${unit === 'm' ? 'min' : unit}`,
  )
}

/** A percentage as the gateway writes it, `N/A` for none. */
export function formatPercentage(text: string | undefined): string {
  return text === undefined || text === 'N/A' ? absent : text
}

/** `now`, `12 s ago`, `5 min ago`, `2 h ago`, `3 d ago`. */
export function formatAgo(atMs: number | undefined, nowMs: number): string {
  if (atMs === undefined) return 'never'
  const seconds = Math.floor((nowMs - atMs) / 1000)
  if (seconds < 1) return 'now'
  if (seconds < 60) return `${seconds} s ago`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`
  return `${Math.floor(seconds / 86_400)} d ago`
}

/** 0 to 1 as `0%`, `99.4%`, `100%`; a share that only rounds to 100 is not shown as 100. */
export function formatShare(share: number | undefined): string {
  if (share === undefined) return absent
  if (share === 0 || share === 1) return `${share * 100}%`
  return `${Math.min(99.9, Math.max(0.1, share * 100)).toFixed(1)}%`
}

/** `0 B`, `13.4 KB`, `1.02 GB`; 1 KB is 1024 bytes. */
export function formatBytes(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1023.5 && unit < byteUnits.length - 1) {
    value /= 1024
    unit++
  }
  return unit === 0 ? `${Math.round(value)} B` : `${threeDigits(value)} ${byteUnits[unit]}`
}

const byteUnits = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'] as const

/** The wall clock of the reader: `14:03:27`. */
export function formatClock(atMs: number): string {
  const at = new Date(atMs)
  return [at.getHours(), at.getMinutes(), at.getSeconds()]
    .map((part) => String(part).padStart(2, '0'))
    .join(':')
}

/** The date of the reader: `30 Nov`. */
export function formatDate(atMs: number): string {
  const at = new Date(atMs)
  return `${at.getDate()} ${months[at.getMonth()]}`
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const

function threeDigits(value: number): string {
  if (value >= 99.95) return String(Math.round(value))
  return value >= 9.995 ? trimmed(value.toFixed(1)) : trimmed(value.toFixed(2))
}

function trimmed(digits: string): string {
  return digits.replace(/\.?0+$/, '')
}
