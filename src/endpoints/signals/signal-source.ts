import type { Static } from '@sinclair/typebox'
import type { SignalSourceSchema } from '../../config/schema/signals-schema.ts'
import {
  type Combination,
  type MetricExpression,
  type PointerExpression,
  parseExpression,
  type SignalExpression,
} from './expression.ts'
import { numberAt, readDocument, textAt } from './json-values.ts'
import { readMetricsPage } from './metrics-page.ts'

/** What an engine may report as a number, and how the values of several series become one. */
const numberSignals = {
  running: 'sum',
  waiting: 'sum',
  max_running: 'sum',
  kv_cache_used: 'max',
  prefix_hits: 'sum',
  prefix_queries: 'sum',
  prefix_hit_rate: 'mean',
  sleeping: 'min',
  adapters_loaded: 'max',
  max_adapters: 'max',
} as const satisfies Record<string, Combination>

export type NumberSignal = keyof typeof numberSignals

export const signalNames: readonly NumberSignal[] = [
  'running',
  'waiting',
  'max_running',
  'kv_cache_used',
  'prefix_hits',
  'prefix_queries',
  'prefix_hit_rate',
  'sleeping',
  'adapters_loaded',
  'max_adapters',
]

/** Fractions; everything else is a count. */
const fractions: ReadonlySet<NumberSignal> = new Set(['kv_cache_used', 'prefix_hit_rate', 'sleeping'])

/** A source as in a profile or a configuration. */
export type SignalSourceDocument = Static<typeof SignalSourceSchema>

/** One answer of an engine and what to read from it. */
export interface SignalSource {
  /** Path or absolute URL. */
  readonly path: string
  /** Alternatives in order. */
  readonly numbers: ReadonlyMap<NumberSignal, readonly SignalExpression[]>
  readonly adapters: readonly SignalExpression[]
}

/** Values of one reading; what is absent is unknown. */
export interface SignalValues {
  readonly numbers: Map<NumberSignal, number>
  /** Undefined if unknown. */
  adapters: readonly string[] | undefined
}

/** @throws RangeError for an expression that cannot be read */
export function signalSource(document: SignalSourceDocument): SignalSource {
  const numbers = new Map<NumberSignal, readonly SignalExpression[]>()
  for (const signal of signalNames) {
    const alternatives = document[signal]
    if (alternatives !== undefined) numbers.set(signal, alternatives.map(parseExpression))
  }
  return { path: document.path, numbers, adapters: (document.adapters ?? []).map(parseExpression) }
}

/** Whether a source may have a value that is not known yet. */
export function mayAdd({ numbers, adapters }: SignalSource, known: SignalValues): boolean {
  if (adapters.length > 0 && known.adapters === undefined) return true
  for (const signal of numbers.keys()) if (!known.numbers.has(signal)) return true
  return false
}

/**
 * Reads the values of a source that are not known yet.
 * @returns how many it had
 */
export function readSource(source: SignalSource, body: Buffer, known: SignalValues): number {
  const all = [...source.numbers.values(), source.adapters].flat()
  const pointers = all.filter((each): each is PointerExpression => each.kind === 'pointer')
  const metrics = all.filter((each): each is MetricExpression => each.kind === 'metric')
  const document = pointers.length === 0 ? undefined : readDocument(body)
  const combineOf = new Map<SignalExpression, Combination>()
  for (const [signal, expressions] of source.numbers)
    for (const each of expressions) combineOf.set(each, numberSignals[signal])
  const wanted = metrics.map((expression) => ({ expression, combine: combineOf.get(expression) ?? 'sum' }))
  const found = metrics.length === 0 ? [] : readMetricsPage(body, wanted)
  const foundOf = new Map(metrics.map((each, at) => [each, found[at]] as const))
  let count = 0
  for (const [signal, expressions] of source.numbers) {
    if (known.numbers.has(signal)) continue
    const combine = numberSignals[signal]
    const value = firstOf(expressions, (each) => {
      const read = each.kind === 'pointer' ? numberAt(document, each, combine) : foundOf.get(each)?.value
      return read !== undefined && isSound(signal, read) ? read : undefined
    })
    if (value === undefined) continue
    known.numbers.set(signal, value)
    count++
  }
  if (known.adapters !== undefined) return count
  const names = firstOf(source.adapters, (each) => {
    if (each.kind === 'pointer') return document === undefined ? undefined : textAt(document, each)
    const metric = foundOf.get(each)
    return metric?.isThere === true ? metric.text : undefined
  })
  if (names === undefined) return count
  known.adapters = names.split(',').flatMap((name) => name.trim() || [])
  return count + 1
}

function firstOf<In, Out>(list: readonly In[], read: (each: In) => Out | undefined): Out | undefined {
  for (const each of list) {
    const value = read(each)
    if (value !== undefined) return value
  }
  return undefined
}

/** A value outside its range is another quantity under this name, such as a percentage: unknown is safer. */
function isSound(signal: NumberSignal, value: number): boolean {
  if (!Number.isFinite(value) || value < 0) return false
  if (fractions.has(signal)) return value <= 1
  return signal !== 'max_running' || value > 0
}
