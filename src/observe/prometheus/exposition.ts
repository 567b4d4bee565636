/** `text` is Prometheus' format 0.0.4, `openmetrics` is OpenMetrics 1.0. */
export type ExpositionFormat = 'text' | 'openmetrics'

export type MetricUnit = 'seconds' | 'bytes' | 'ratio'

/** A metric with all its series. */
export interface MetricFamily {
  /** Without `_total`, `_info` and the like, with its unit. */
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram' | 'info'
  readonly unit?: MetricUnit
  /** One sentence. */
  readonly help: string
  /**
   * OpenMetrics has no name like that beside the counter of the same name, whose samples end in `_total`: the family
   * is in the text format alone.
   */
  readonly isTextOnly?: boolean
  /** Names of the labels that its series have; for the documentation. */
  readonly labels?: readonly string[]
}

/** Labels of a series, made once by `labelText`; '' for none. */
export type LabelText = string

/** A histogram as it is exposed: cumulative counts per bound, and of all values. */
export interface ExposedHistogram {
  /** Upper bounds, ascending, in the unit of the metric. */
  readonly bounds: readonly number[]
  readonly cumulative: readonly number[]
  readonly count: number
  readonly sum: number
}

/** Labels as they stand between braces. */
export function labelText(labels: Readonly<Record<string, string>>): LabelText {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeLabel(value)}"`)
    .join(',')
}

/** Two texts of labels as one. */
export function joinLabels(first: LabelText, second: LabelText): LabelText {
  if (first === '') return second
  return second === '' ? first : `${first},${second}`
}

/**
 * Writes families in one of the two formats. Each family is written whole before the next, so their lines stand
 * together, as both formats want it.
 */
export class Exposition {
  readonly #isOpenMetrics: boolean
  #family: MetricFamily | undefined
  /** Whose head has been written. */
  #headed: MetricFamily | undefined
  #text = ''

  constructor(format: ExpositionFormat) {
    this.#isOpenMetrics = format === 'openmetrics'
  }

  /** Begins a family. One without a sample leaves nothing behind. */
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

  /** What has been written since the last call. */
  take(): string {
    const text = this.#text
    this.#text = ''
    return text
  }

  /** The last of it. */
  end(): string {
    return this.#isOpenMetrics ? `${this.take()}# EOF\n` : this.take()
  }

  /** The current family, its head written. */
  #begun(): MetricFamily {
    const family = this.#family
    if (family === undefined) throw new RangeError('a sample belongs to a family')
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
      // The older format knows no info, and names a counter by its samples.
      const named = sampleName(family)
      this.#text += `# HELP ${named} ${escapeHelp(help)}\n# TYPE ${named} ${type === 'info' ? 'gauge' : type}\n`
    }
  }

  #line(name: string, labels: LabelText, value: number): void {
    this.#text +=
      labels === '' ? `${name} ${numberText(value)}\n` : `${name}{${labels}} ${numberText(value)}\n`
  }

  /** OpenMetrics writes every bound as a float. */
  #bound(bound: number): string {
    return this.#isOpenMetrics && Number.isInteger(bound) ? `${bound}.0` : String(bound)
  }
}

/** The name that a family's samples have, those of histograms aside. */
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
