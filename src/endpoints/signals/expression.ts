import { signalPattern } from '../../config/schema/signals-schema.ts'

export const combinations = ['sum', 'max', 'min', 'mean', 'count'] as const
export type Combination = (typeof combinations)[number]

/** A metric of a page in the text format of Prometheus. */
export interface MetricExpression {
  readonly kind: 'metric'
  readonly combine: Combination | undefined
  readonly name: string
  /** Only series with these labels count. */
  readonly filters: readonly (readonly [label: string, value: string])[]
  /** The value is that of this label. */
  readonly label: string | undefined
}

/** A place in a JSON document. */
export interface PointerExpression {
  readonly kind: 'pointer'
  readonly combine: Combination | undefined
  /** Unescaped; `*` is every element. */
  readonly segments: readonly string[]
}

export type SignalExpression = MetricExpression | PointerExpression

const pattern = new RegExp(signalPattern)
const filterPattern = /([a-zA-Z_][a-zA-Z0-9_]*)="([^"\\]*)"/g

/** @throws RangeError if the text is neither a metric nor a JSON pointer */
export function parseExpression(text: string): SignalExpression {
  if (!pattern.test(text)) throw new RangeError(`"${text}" is neither a metric nor a JSON pointer`)
  const combine = combinations.find((each) => text.startsWith(`${each} `))
  const value = combine === undefined ? text : text.slice(combine.length + 1)
  if (value.startsWith('/')) {
    const segments = value.slice(1).split('/')
    return { kind: 'pointer', combine, segments: value === '/' ? [] : segments.map(unescapeSegment) }
  }
  const brace = value.indexOf('{')
  if (brace < 0) return { kind: 'metric', combine, name: value, filters: [], label: undefined }
  const labels = value.slice(brace + 1, -1)
  return {
    kind: 'metric',
    combine,
    name: value.slice(0, brace),
    filters: [...labels.matchAll(filterPattern)].map(([, label = '', each = '']) => [label, each] as const),
    label: labels.includes('=') ? undefined : labels,
  }
}

/** RFC 6901, section 4. */
function unescapeSegment(segment: string): string {
  return segment.replaceAll('~1', '/').replaceAll('~0', '~')
}
