import { type Exposition, type MetricFamily, sampleName } from './exposition.ts'

/** A metric that reads its own series. */
export interface Metric<Source> extends MetricFamily {
  collect(source: Source, out: Exposition): void
}

/** Metrics with their source. */
interface MetricGroup {
  readonly families: readonly MetricFamily[]
  /** Writes one family after the other, and pauses after each. */
  write(out: Exposition): AsyncIterable<void>
}

/** All metrics of a gateway; plugins add their own. */
export class MetricSet {
  readonly #groups: MetricGroup[] = []

  /**
   * @param read called once per scrape, for all of these metrics
   * @throws RangeError if a name is taken
   */
  add<Source>(metrics: readonly Metric<Source>[], read: () => Source | Promise<Source>): void {
    const names = new Set(this.families().map(keyOf))
    for (const metric of metrics) {
      const name = keyOf(metric)
      if (names.has(name)) throw new RangeError(`the metric ${name} already exists`)
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

  /** Writes all metrics; the caller may yield at each pause. */
  async *write(out: Exposition): AsyncIterable<void> {
    for (const group of this.#groups) yield* group.write(out)
  }
}

/** Identifies a family that exists only in the text format by its sample name. */
function keyOf(family: MetricFamily): string {
  return family.isTextOnly === true ? `${sampleName(family)} (text)` : family.name
}
