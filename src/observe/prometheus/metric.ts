import { type Exposition, type MetricFamily, sampleName } from './exposition.ts'

/** A metric that knows how to read its series. */
export interface Metric<Source> extends MetricFamily {
  collect(source: Source, out: Exposition): void
}

/** Metrics with what they are read from. */
interface MetricGroup {
  readonly families: readonly MetricFamily[]
  /** Writes one family after the other, and pauses behind each. */
  write(out: Exposition): AsyncIterable<void>
}

/** All metrics of a gateway; plugins add their own. */
export class MetricSet {
  readonly #groups: MetricGroup[] = []

  /**
   * @param read called once per scrape, for all of these metrics
   * @throws RangeError where a name is taken
   */
  add<Source>(metrics: readonly Metric<Source>[], read: () => Source | Promise<Source>): void {
    const names = new Set(this.families().map(keyOf))
    for (const metric of metrics) {
      const name = keyOf(metric)
      if (names.has(name)) throw new RangeError(`there is a metric ${name} already`)
      names.add(name)
    }
    this.#groups.push({
      families: metrics,
      async *write(out) {
        const source = await read()
        for (const metric of metrics) {
          out.family(metric)
          metric.collect(source, out)
          yield
        }
      },
    })
  }

  families(): MetricFamily[] {
    return this.#groups.flatMap(({ families }) => families)
  }

  /** Writes all metrics; the caller may do other things at each pause. */
  async *write(out: Exposition): AsyncIterable<void> {
    for (const group of this.#groups) yield* group.write(out)
  }
}

/** A family of the text format alone is told apart by its samples. */
function keyOf(family: MetricFamily): string {
  return family.isTextOnly === true ? `${sampleName(family)} (text)` : family.name
}
