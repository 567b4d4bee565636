import type { ExpositionFormat } from './exposition.ts'

export const contentTypes: Readonly<Record<ExpositionFormat, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
}

const maxHeaderBytes = 4096

/** Picks OpenMetrics if the client names it and prefers nothing else; otherwise the older format. */
export function negotiateFormat(accept: string | undefined): ExpositionFormat {
  if (accept === undefined || accept.length > maxHeaderBytes) return 'text'
  let openMetrics = 0
  let text = 0
  for (const part of accept.split(',')) {
    const [range = '', ...parameters] = part.split(';').map((each) => each.trim().toLowerCase())
    const weight = quality(parameters)
    if (range === 'application/openmetrics-text' && isVersionOne(parameters)) {
      openMetrics = Math.max(openMetrics, weight)
    } else if (range === 'text/plain') {
      text = Math.max(text, weight)
    }
  }
  return openMetrics > 0 && openMetrics >= text ? 'openmetrics' : 'text'
}

/** No version means any. */
function isVersionOne(parameters: readonly string[]): boolean {
  const version = parameters.find((each) => each.startsWith('version='))
  return (
    version === undefined || /^version="?1\.0\.0"?$/.test(version) || /^version="?0\.0\.1"?$/.test(version)
  )
}

function quality(parameters: readonly string[]): number {
  const weight = parameters.find((each) => each.startsWith('q='))
  if (weight === undefined) return 1
  const value = Number(weight.slice(2))
  return value >= 0 && value <= 1 ? value : 0
}
