import { Combined } from './combined.ts'
import type { Combination, MetricExpression } from './expression.ts'

/** A metric to find on a page. */
export interface WantedMetric {
  readonly expression: MetricExpression
  /** If the expression does not say. */
  readonly combine: Combination
}

/** What a page says of a wanted metric: NaN and '' if nothing. */
export interface FoundMetric {
  readonly value: number
  /** Of the label, in the series with the highest value: engines that report names write the time as value. */
  readonly text: string
  /** Whether there is a series. */
  readonly isThere: boolean
}

const newline = 0x0a
const space = 0x20
const tab = 0x09
const quote = 0x22
const backslash = 0x5c
const equalsSign = 0x3d
const openBrace = 0x7b
const closeBrace = 0x7d

interface Search extends WantedMetric {
  readonly combined: Combined
  /** Series so far. */
  count: number
  /** Value of the series that gave the text. */
  textAt: number
  text: string
}

/**
 * Finds a few metrics on a page in the text format of Prometheus or OpenMetrics. Reads each byte once or twice and
 * builds nothing for other lines. A line that cannot be read is skipped.
 */
export function readMetricsPage(body: Buffer, wanted: readonly WantedMetric[]): FoundMetric[] {
  // One character per byte, so that offsets are those of the bytes.
  const page = body.toString('latin1')
  const searches = wanted.map((each): Search => {
    const combined = new Combined(each.expression.combine ?? each.combine)
    return { ...each, combined, count: 0, textAt: Number.NEGATIVE_INFINITY, text: '' }
  })
  const prefix = commonPrefix(wanted.map(({ expression }) => expression.name))
  for (let start = 0; start < page.length; ) {
    let end = page.indexOf('\n', start)
    if (end < 0) end = page.length
    if (page.startsWith(prefix, start)) readLine(page, start, end, searches)
    start = end + 1
  }
  return searches.map(({ combined, text, count, expression }) => ({
    value: count === 0 ? Number.NaN : expression.label === undefined ? combined.result : labelNumber(text),
    text,
    isThere: count > 0,
  }))
}

function readLine(page: string, start: number, end: number, searches: readonly Search[]): void {
  for (const search of searches) {
    const { name } = search.expression
    if (!page.startsWith(name, start)) continue
    const after = start + name.length
    const next = after < end ? page.charCodeAt(after) : newline
    if (next === openBrace || next === space || next === tab) readSeries(page, after, end, search)
  }
}

function readSeries(page: string, from: number, end: number, search: Search): void {
  const { label, filters } = search.expression
  let at = skipBlanks(page, from, end)
  let text = ''
  if (page.charCodeAt(at) === openBrace && at < end) {
    let matched = 0
    at = skipBlanks(page, at + 1, end)
    while (at < end && page.charCodeAt(at) !== closeBrace) {
      const equals = indexWithin(page, equalsSign, at, end)
      if (equals < 0) return
      const open = skipBlanks(page, equals + 1, end)
      if (open >= end || page.charCodeAt(open) !== quote) return
      const close = closingQuote(page, open + 1, end)
      if (close < 0) return
      const key = page.slice(at, equals).trim()
      if (key === label) text = labelText(page.slice(open + 1, close))
      for (const [wanted, value] of filters)
        if (key === wanted && labelText(page.slice(open + 1, close)) === value) matched++
      at = skipBlanks(page, close + 1, end)
      if (at < end && page[at] === ',') at = skipBlanks(page, at + 1, end)
    }
    if (at >= end || matched < filters.length) return
    at = skipBlanks(page, at + 1, end)
  } else if (filters.length > 0) return
  const value = numberAt(page, at, end)
  if (Number.isNaN(value)) return
  search.count++
  if (label === undefined) search.combined.add(value)
  else if (value >= search.textAt) {
    search.textAt = value
    search.text = text
  }
}

function skipBlanks(page: string, from: number, end: number): number {
  let at = from
  while (at < end && (page.charCodeAt(at) === space || page.charCodeAt(at) === tab)) at++
  return at
}

/** Unlike `indexOf`, it does not search the rest of the page. */
function indexWithin(page: string, code: number, from: number, end: number): number {
  for (let at = from; at < end; at++) if (page.charCodeAt(at) === code) return at
  return -1
}

function closingQuote(page: string, from: number, end: number): number {
  for (let at = from; at < end; at++) {
    const code = page.charCodeAt(at)
    if (code === backslash) at++
    else if (code === quote) return at
  }
  return -1
}

/** The characters of a label's value: the page is read as bytes. */
function labelText(raw: string): string {
  const text = Buffer.from(raw, 'latin1').toString('utf8')
  if (!text.includes('\\')) return text
  return text.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped))
}

/** The value of a line ends before a time or an exemplar. */
function numberAt(page: string, from: number, end: number): number {
  let to = from
  while (to < end && !isBlank(page.charCodeAt(to))) to++
  const text = page.slice(from, to)
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text) ? Number(text) : Number.NaN
}

function labelNumber(text: string): number {
  return /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN
}

function isBlank(code: number): boolean {
  return code === space || code === tab || code === 0x0d
}

function commonPrefix(names: readonly string[]): string {
  let prefix = names[0] ?? ''
  for (const name of names) while (!name.startsWith(prefix)) prefix = prefix.slice(0, -1)
  return prefix
}
