import { headerValue } from './header-value.ts'
import { type AnswerFraming, framingOf } from './media-type.ts'
import { PairList } from './pair-list.ts'

export { headerValue } from './header-value.ts'

/** The head of an endpoint's response. `headers` are flat name/value pairs. */
export interface UpstreamHead {
  readonly statusCode: number
  readonly headers: readonly string[]
}

let framedHeaders: readonly string[] = []
let framedAs = framingOf(undefined)

/** Framing of a response with these headers. Called several times in a row when a response begins. */
export function framingIn(headers: readonly string[]): AnswerFraming {
  if (headers === framedHeaders) return framedAs
  framedHeaders = headers
  framedAs = framingOf(headerValue(headers, 'content-type'))
  return framedAs
}

/** Copies flat pairs without the headers of one name. */
export function withoutHeader(headers: readonly string[], lowerName: string): string[] {
  const kept: string[] = []
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at] ?? ''
    if (name.toLowerCase() !== lowerName) kept.push(name, headers[at + 1] ?? '')
  }
  return kept
}

/**
 * Copies flat pairs, with other headers replacing those of the same name.
 * @param without lower-case name of headers to leave out
 */
export function withHeaders(headers: readonly string[], others: readonly string[], without = ''): string[] {
  const kept = new PairList(headers.length + others.length)
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at] ?? ''
    const isDropped = name.length === without.length && name.toLowerCase() === without
    if (!isDropped && !hasHeader(others, name)) kept.add(name, headers[at + 1] ?? '')
  }
  kept.addAll(others)
  return kept.end()
}

/** Whether flat pairs contain a header. */
export function hasHeader(headers: readonly string[], name: string): boolean {
  for (let at = 0; at < headers.length; at += 2) {
    const other = headers[at] ?? ''
    // Most names differ in length, which is cheaper to compare.
    if (other.length === name.length && other.toLowerCase() === name.toLowerCase()) return true
  }
  return false
}
