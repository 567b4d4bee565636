/** `text` is Prometheus' format 0.0.4, `openmetrics` is OpenMetrics 1.0. */
export type ExpositionFormat = 'text' | 'openmetrics'

export type MetricUnit = 'seconds' | 'bytes' | 'ratio'

/** A metric with all its series. */
export interface MetricFamily {
  /** Without `_total`, `_info` and other suffixes, but with its unit. */
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram' | 'info'
  readonly unit?: MetricUnit
  /** One sentence. */
  readonly help: string
  /**
   * Restricts the family to the text format: OpenMetrics does not allow its name beside the counter of the same name,
   * whose samples end in `_total`.
   */
  readonly isTextOnly?: boolean
  /** Label names of its series, for the documentation. */
  readonly labels?: readonly string[]
}

/** Labels of a series, formatted once by `labelText`; '' for none. */
export type LabelText = string

/** A histogram as exposed: cumulative counts per bound, and over all values. */
export interface ExposedHistogram {
  /** Upper bounds, ascending, in the unit of the metric. */
  readonly bounds: readonly number[]
  readonly cumulative: readonly number[]
  readonly count: number
  readonly sum: number
}

/** Formats labels as they appear between braces. */
export function labelText(labels: Readonly<Record<string, string>>): LabelText {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeLabel(value)}"`)
    .join(',')
}

/** Joins two label texts. */
export function joinLabels(first: LabelText, second: LabelText): LabelText {
  if (first === '') return second
  return second === '' ? first : `${first},${second}`
}

/**
 * Writes families in one of the two formats. It writes each family completely before the next, because both formats
 * require the lines of a family to be contiguous.
 */
export class Exposition {
  readonly #isOpenMetrics: boolean
  #family: MetricFamily | undefined
  /** The family whose header was written last. */
  #headed: MetricFamily | undefined
  #text = ''

  constructor(format: ExpositionFormat) {
    this.#isOpenMetrics = format === 'openmetrics'
  }

  /** Begins a family. A family without samples writes nothing. */
  family(family: MetricFamily): void {
    this.#family = family
  }

  sample(value: number, labels: LabelText = ''): void {
    if (this.#isOpenMetrics && this.#family?.isTextOnly === true) return
    const family = this.#begun()
    this.#line(sampleName(family), labels, value)
  }

  histogram({ bounds, cumulative, count, sum }: ExposedHistogram, labels: LabelText = ''): void {
    const { name } = this.#begun()
    for (const [index, bound] of bounds.entries()) {
      this.#line(`${name}_bucket`, joinLabels(labels, `le="${this.#bound(bound)}"`), cumulative[index] ?? 0)
    }
    this.#line(`${name}_bucket`, joinLabels(labels, 'le="+Inf"'), count)
    this.#line(`${name}_sum`, labels, sum)
    this.#line(`${name}_count`, labels, count)
  }

  /** Returns the text written since the last call. */
  take(): string {
    const text = this.#text
    this.#text = ''
    return text
  }

  /** Returns the rest of the text. */
  end(): string {
    return this.#isOpenMetrics ? `${this.take()}# EOF\n` : this.take()
  }

  /** Returns the current family after writing its header. */
  #begun(): MetricFamily {
    const family = this.#family
    if (family === undefined) throw new RangeError('a sample must belong to a family')
    if (this.#headed !== family) {
      this.#headed = family
      this.#writeHead(family)
    }
    return family
  }

  #writeHead(family: MetricFamily): void {
    const { name, type, unit, help } = family
    if (this.#isOpenMetrics) {
      this.#text += `# TYPE ${name} ${type}\n`
      if (unit !== undefined) this.#text += `# UNIT ${name} ${unit}\n`
      this.#text += `# HELP ${name} ${escapeHelp(help)}\n`
    } else {
      // The older format has no info type, and names a counter after its samples.
      const named = sampleName(family)
      this.#text += `# HELP ${named} ${escapeHelp(help)}\n# TYPE ${named} ${type === 'info' ? 'gauge' : type}\n`
    }
  }

  #line(name: string, labels: LabelText, value: number): void {
    this.#text +=
      labels === '' ? `${name} ${numberText(value)}\n` : `${name}{${labels}} ${numberText(value)}\n`
  }

  /** OpenMetrics requires every bound to be a float. */
  #bound(bound: number): string {
    return this.#isOpenMetrics && Number.isInteger(bound) ? `${bound}.0` : String(bound)
  }
}

/** Name of a family's samples, except for histograms. */
export function sampleName({ name, type }: MetricFamily): string {
  if (type === 'counter') return `${name}_total`
  return type === 'info' ? `${name}_info` : name
}

/** Names of all series of a family. */
export function seriesNames(family: MetricFamily): string[] {
  const { name, type } = family
  return type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [sampleName(family)]
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value)
  if (Number.isNaN(value)) return 'NaN'
  return value > 0 ? '+Inf' : '-Inf'
}

function escapeLabel(value: string): string {
  return /[\\"\n]/.test(value) ? escapeHelp(value).replaceAll('"', '\\"') : value
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}
