import { isDeeper } from '../../kernel/json/json-depth.ts'
import { Combined } from './combined.ts'
import type { Combination, PointerExpression } from './expression.ts'

/** Answers of engines have a few levels; a parser needs some hundred bytes for each. */
const maxLevels = 64

/** @returns undefined if the bytes are no JSON, or nested too deeply */
export function readDocument(body: Buffer): unknown {
  if (isDeeper(body, maxLevels)) return undefined
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}

/** @returns the number at a place, or those at several combined; NaN if there is no such place */
export function numberAt(
  document: unknown,
  { combine, segments }: PointerExpression,
  or: Combination,
): number {
  const combination = combine ?? or
  const combined = new Combined(combination)
  let visited = 0
  const isThere = visit(document, segments, 0, (value) => {
    visited++
    if (combination === 'count') combined.add(1)
    else if (typeof value === 'number') combined.add(value)
    else if (typeof value === 'boolean') combined.add(value ? 1 : 0)
  })
  if (!isThere) return Number.NaN
  // The sum of an empty list is known.
  return visited === 0 && combination === 'sum' ? 0 : combined.result
}

/** @returns the text at a place, or those at several, separated by commas */
export function textAt(document: unknown, { segments }: PointerExpression): string {
  const texts: string[] = []
  visit(document, segments, 0, (value) => {
    if (typeof value === 'string') texts.push(value)
  })
  return texts.join(',')
}

/** @returns whether the path leads to a value, or to a list of any length */
function visit(
  value: unknown,
  segments: readonly string[],
  at: number,
  found: (value: unknown) => void,
): boolean {
  const segment = segments[at]
  if (segment === undefined) {
    if (value === undefined) return false
    found(value)
    return true
  }
  if (typeof value !== 'object' || value === null) return false
  if (segment !== '*') {
    return Object.hasOwn(value, segment) && visit(Reflect.get(value, segment), segments, at + 1, found)
  }
  const isLast = at + 1 === segments.length
  const elements = Object.values(value)
  let isThere = isLast || elements.length === 0
  for (const each of elements) isThere = visit(each, segments, at + 1, found) || isThere
  return isThere
}
