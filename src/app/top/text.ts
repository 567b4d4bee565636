import { stripVTControlCharacters } from 'node:util'

/** Names come from clients and endpoints and must not contain control sequences for the terminal. */
export function printable(text: string): string {
  return stripVTControlCharacters(text).replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]/gu, '?')
}

/** Pads or truncates to exactly `width` characters; truncation adds an ellipsis. */
export function fit(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const letters = [...text]
  if (letters.length > width) return width <= 0 ? '' : `${letters.slice(0, width - 1).join('')}…`
  const room = ' '.repeat(width - letters.length)
  return align === 'left' ? text + room : room + text
}

const bars = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const

/** Draws the last `width` values as a line of bars from 0 to their maximum. */
export function sparkline(values: readonly number[], width: number): string {
  const shown = values.slice(-width)
  const largest = Math.max(...shown, 0)
  const line = shown.map((value) => {
    const level = largest === 0 ? 0 : Math.ceil((value / largest) * bars.length) - 1
    return bars[Math.max(0, level)] ?? bars[0]
  })
  return line.join('').padStart(width)
}

/** `140ms`, `2.3s`, `4m 5s`; `-` if absent. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return '-'
  if (ms < 9.95 && !Number.isInteger(ms)) return `${ms.toFixed(1)}ms`
  if (ms < 1_000) return `${Math.round(ms)}ms`
  if (ms < 9_995) return `${(ms / 1_000).toFixed(2)}s`
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)}s`
  const seconds = Math.floor(ms / 1_000)
  return `${Math.floor(seconds / 60)}m ${seconds % 60}s`
}
