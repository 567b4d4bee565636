import assert from 'node:assert/strict'

export interface ParsedSample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface ParsedFamily {
  readonly name: string
  readonly type: string
  readonly unit: string | undefined
  readonly help: string
  readonly samples: ParsedSample[]
}

const metricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const labelName = /^[a-zA-Z_][a-zA-Z0-9_]*$/
const suffixes: Readonly<Record<string, readonly string[]>> = {
  counter: ['_total'],
  gauge: [''],
  info: ['_info'],
  histogram: ['_bucket', '_sum', '_count'],
}

/**
 * Reads an exposition and fails on whatever a strict parser would: lines of a family apart, a series twice, a
 * sample without type or help, names and values that are none, histograms that do not add up.
 */
export function parseExposition(text: string, format: 'text' | 'openmetrics'): ParsedFamily[] {
  assert.ok(text.endsWith('\n'), 'the last line ends')
  const lines = text.slice(0, -1).split('\n')
  if (format === 'openmetrics') assert.equal(lines.pop(), '# EOF')
  const families: ParsedFamily[] = []
  const names = new Set<string>()
  let head: { type?: string; unit?: string; help?: string; name: string } | undefined
  let family: ParsedFamily | undefined
  for (const line of lines) {
    const comment = /^# (TYPE|UNIT|HELP) (\S+) (.*)$/s.exec(line)
    if (comment !== null) {
      const [, kind, name = '', rest = ''] = comment
      assert.match(name, metricName)
      if (head?.name !== name || family !== undefined) {
        assert.ok(!names.has(name), `the lines of ${name} stand together`)
        names.add(name)
        head = { name }
        family = undefined
      }
      if (kind === 'TYPE') head.type = rest
      else if (kind === 'UNIT') head.unit = rest
      else head.help = rest
      continue
    }
    assert.ok(head?.type !== undefined && head.help !== undefined, `type and help stand before ${line}`)
    if (family === undefined) {
      family = { name: head.name, type: head.type, unit: head.unit, help: head.help, samples: [] }
      families.push(family)
    }
    family.samples.push(parseSample(line))
  }
  assert.ok(family !== undefined || head === undefined, 'no family is without samples')
  for (const each of families) checkFamily(each, format)
  return families
}

function parseSample(line: string): ParsedSample {
  const found = /^([^\s{]+)(?:\{(.*)\})? (\S+)$/s.exec(line)
  assert.ok(found !== null, `a sample: ${line}`)
  const [, name = '', labelText, valueText = ''] = found
  assert.match(name, metricName)
  return { name, labels: labelText === undefined ? {} : parseLabels(labelText), value: parseValue(valueText) }
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {}
  let at = 0
  while (at < text.length) {
    const equals = text.indexOf('="', at)
    const name = text.slice(at, equals)
    assert.match(name, labelName)
    assert.ok(!Object.hasOwn(labels, name), `the label ${name} is there once`)
    let value = ''
    let end = equals + 2
    while (text[end] !== '"') {
      assert.ok(end < text.length, 'a label value ends')
      assert.notEqual(text[end], '\n')
      if (text[end] !== '\\') {
        value += text[end]
        end++
        continue
      }
      const escaped = { '\\': '\\', '"': '"', n: '\n' }[text[end + 1] ?? '']
      assert.ok(escaped !== undefined, 'only these are escaped')
      value += escaped
      end += 2
    }
    labels[name] = value
    at = end + 1
    if (at < text.length) assert.equal(text[at++], ',')
  }
  return labels
}

function parseValue(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY
  if (text === '-Inf') return Number.NEGATIVE_INFINITY
  if (text === 'NaN') return Number.NaN
  assert.match(text, /^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/)
  return Number(text)
}

function checkFamily(
  { name, type, unit, help, samples }: ParsedFamily,
  format: 'text' | 'openmetrics',
): void {
  assert.ok(help.length > 0, `${name} has a help`)
  const known = suffixes[type]
  assert.ok(known !== undefined, `${type} is a type`)
  const allowed = format === 'text' && type !== 'histogram' ? [''] : known
  const series = new Set<string>()
  for (const { name: sample, labels, value } of samples) {
    assert.ok(
      allowed.some((suffix) => sample === `${name}${suffix}`),
      `${sample} belongs to ${name}`,
    )
    const key = `${sample} ${JSON.stringify(Object.entries(labels).sort())}`
    assert.ok(!series.has(key), `${key} is there once`)
    series.add(key)
    if (type === 'counter') assert.ok(value >= 0, `${sample} counts up`)
  }
  // Two gauges of Olla's are called `…_total`.
  if (format === 'text') assert.ok(type !== 'counter' || name.endsWith('_total'), name)
  else if (unit !== undefined) assert.ok(name.endsWith(`_${unit}`), `${name} ends in its unit`)
  if (type === 'histogram') checkHistograms(name, samples)
}

function checkHistograms(name: string, samples: readonly ParsedSample[]): void {
  const rows = new Map<string, ParsedSample[]>()
  for (const sample of samples) {
    const { le: _bound, ...labels } = sample.labels
    const key = JSON.stringify(Object.entries(labels).sort())
    rows.set(key, [...(rows.get(key) ?? []), sample])
  }
  for (const row of rows.values()) {
    const buckets = row.filter((sample) => sample.name === `${name}_bucket`)
    const bounds = buckets.map(({ labels }) => parseValue(labels.le ?? ''))
    assert.deepEqual(
      bounds,
      [...bounds].sort((a, b) => a - b),
      'bounds ascend',
    )
    assert.equal(bounds.at(-1), Number.POSITIVE_INFINITY)
    const counts = buckets.map(({ value }) => value)
    assert.deepEqual(
      counts,
      [...counts].sort((a, b) => a - b),
      'counts are cumulative',
    )
    const count = row.find((sample) => sample.name === `${name}_count`)?.value
    assert.equal(counts.at(-1), count)
    assert.equal(row.filter((sample) => sample.name === `${name}_sum`).length, 1)
  }
}
