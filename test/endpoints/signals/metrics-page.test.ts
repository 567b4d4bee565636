import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type MetricExpression, parseExpression } from '../../../src/endpoints/signals/expression.ts'
import { readMetricsPage } from '../../../src/endpoints/signals/metrics-page.ts'

function metric(text: string): MetricExpression {
  const expression = parseExpression(text)
  assert.ok(expression.kind === 'metric')
  return expression
}

function read(page: string | Buffer, ...expressions: string[]) {
  const wanted = expressions.map((text) => ({ expression: metric(text), combine: 'sum' as const }))
  return readMetricsPage(Buffer.from(page), wanted)
}

const names = ['up', 'up_total', 'vllm:running', 'vllm:running_more']
const labelValue = fc.string({ unit: 'grapheme', maxLength: 12 })
const series = fc.record({
  name: fc.constantFrom(...names),
  labels: fc.dictionary(fc.stringMatching(/^[a-z_][a-z0-9_]{0,5}$/), labelValue, { maxKeys: 3 }),
  value: fc.integer({ min: 0, max: 1_000_000 }),
  time: fc.option(fc.integer({ min: 0, max: 2_000_000_000 })),
})
type Series = typeof series extends fc.Arbitrary<infer Value> ? Value : never

function line({ name, labels, value, time }: Series): string {
  const escaped = (text: string) =>
    text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
  const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`)
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}${time === null ? '' : ` ${time}`}`
}

describe('a page of metrics', () => {
  it('gives the sum of the series of exactly one name', () => {
    fc.assert(
      fc.property(fc.array(series, { maxLength: 30 }), fc.constantFrom('\n', '\r\n'), (all, end) => {
        const found = read(all.map(line).join(end) + end, ...names)
        for (const [at, name] of names.entries()) {
          const own = all.filter((each) => each.name === name)
          const sum = own.reduce((total, { value }) => total + value, 0)
          assert.deepEqual(
            [found[at]?.isThere, found[at]?.value],
            [own.length > 0, own.length === 0 ? Number.NaN : sum],
          )
        }
      }),
    )
  })

  it('gives the label of the latest series, however it is escaped', () => {
    fc.assert(
      fc.property(fc.array(labelValue, { minLength: 1, maxLength: 5 }), (texts) => {
        const page = texts.map((a, value) => line({ name: 'up', labels: { a, b: '}' }, value, time: null }))
        assert.equal(read(page.join('\n'), 'up{a}')[0]?.text, texts.at(-1))
      }),
    )
  })

  it('never throws and never invents a value', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        const [found] = read(`up${text.replaceAll('\n', ' ')}`, 'up', 'up{a}', 'up{a="b"}')
        assert.ok(
          found?.isThere === false ||
            /^(?:\{.*\})?[ \t]+[-+]?[\d.]/s.test(text.trimStart()) ||
            /^\s/.test(text),
        )
      }),
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        read(Buffer.from(bytes), 'up')
      }),
    )
  })

  it('reads exemplars, spaces and tabs as the format allows', () => {
    for (const page of [
      'up 3 # {trace_id="x"} 0.67',
      'up\t3',
      'up { a = "b" , } 3',
      'up{a="b",} 3 1700000000000',
      'up 3.0e0',
      'up 3.',
    ])
      assert.equal(read(page, 'up')[0]?.value, 3, page)
  })

  it('examines each byte a bounded number of times', () => {
    // With quadratic work, these would take minutes.
    const pages = [
      `up{a="${'x'.repeat(2_000_000)}`,
      `up{${'a="b",'.repeat(300_000)}`,
      'up{\n'.repeat(500_000),
      'up{a\n'.repeat(500_000),
      'up{a="b\n'.repeat(500_000),
      `up${' '.repeat(2_000_000)}`,
      'x'.repeat(4_000_000),
      `${'up 1\n'.repeat(400_000)}`,
      `up{${'a'.repeat(2_000_000)}`,
    ]
    const found = pages.map((page) => read(page, 'up', 'up{a}')[0]?.value)
    assert.deepEqual(found, [
      Number.NaN,
      Number.NaN,
      Number.NaN,
      Number.NaN,
      Number.NaN,
      Number.NaN,
      Number.NaN,
      400_000,
      Number.NaN,
    ])
  })
})
