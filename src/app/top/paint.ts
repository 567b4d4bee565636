/** Style of a text. */
export type Style = 'plain' | 'bold' | 'dim' | 'reverse' | 'green' | 'yellow' | 'red'

/** Styles a text without changing its visible width. */
export type Paint = (style: Style, text: string) => string

const codes = {
  plain: undefined,
  bold: 1,
  dim: 2,
  reverse: 7,
  green: 32,
  yellow: 33,
  red: 31,
} as const satisfies Record<Style, number | undefined>

export const plainPaint: Paint = (_look, text) => text

export const ansiPaint: Paint = (style, text) => {
  const code = codes[style]
  return code === undefined ? text : `\u001b[${code}m${text}\u001b[0m`
}

/** The text states the same; the color only helps to find it. */
export function stateColor(status: string, circuit: string): Style {
  if (status === 'offline' || status === 'unhealthy' || circuit === 'open') return 'red'
  return status === 'healthy' && circuit === 'closed' ? 'green' : 'yellow'
}
