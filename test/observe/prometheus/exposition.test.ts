import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  Exposition,
  type ExpositionFormat,
  labelText,
  type MetricFamily,
  seriesNames,
} from '../../../src/observe/prometheus/exposition.ts'
import { parseExposition } from '../../support/exposition-parser.ts'

const formats: readonly ExpositionFormat[] = ['text', 'openmetrics']
const requests: MetricFamily = { name: 'a_requests', type: 'counter', help: 'Requests.' }

function write(format: ExpositionFormat, fill: (out: Exposition) => void): string {
  const out = new Exposition(format)
  fill(out)
  return out.end()
}

describe('the exposition', () => {
  it('names a counter after its samples in the text format, and without the suffix in OpenMetrics', () => {
    const fill = (out: Exposition) => {
      out.family(requests)
      out.sample(3, labelText({ code: '200' }))
    }
    assert.equal(
      write('text', fill),
      '# HELP a_requests_total Requests.\n# TYPE a_requests_total counter\na_requests_total{code="200"} 3\n',
    )
    assert.equal(
      write('openmetrics', fill),
      '# TYPE a_requests counter\n# HELP a_requests Requests.\na_requests_total{code="200"} 3\n# EOF\n',
    )
  })

  it('writes info only in OpenMetrics', () => {
    const fill = (out: Exposition) => {
      out.family({ name: 'a', type: 'info', help: 'About.' })
      out.sample(1, labelText({ version: '1' }))
    }
    assert.match(
      write('text', fill),
      /^# HELP a_info About\.\n# TYPE a_info gauge\na_info\{version="1"\} 1\n$/,
    )
    assert.match(
      write('openmetrics', fill),
      /^# TYPE a info\n# HELP a About\.\na_info\{version="1"\} 1\n# EOF\n$/,
    )
  })

  it('writes units, and bounds as floats, where OpenMetrics requires them', () => {
    const fill = (out: Exposition) => {
      out.family({ name: 'a_seconds', type: 'histogram', unit: 'seconds', help: 'Time.' })
      out.histogram({ bounds: [0.5, 1], cumulative: [1, 2], count: 3, sum: 9.5 }, labelText({ model: 'm' }))
    }
    assert.equal(
      write('openmetrics', fill),
      [
        '# TYPE a_seconds histogram',
        '# UNIT a_seconds seconds',
        '# HELP a_seconds Time.',
        'a_seconds_bucket{model="m",le="0.5"} 1',
        'a_seconds_bucket{model="m",le="1.0"} 2',
        'a_seconds_bucket{model="m",le="+Inf"} 3',
        'a_seconds_sum{model="m"} 9.5',
        'a_seconds_count{model="m"} 3',
        '# EOF',
        '',
      ].join('\n'),
    )
    assert.match(write('text', fill), /le="1"/)
  })

  it('omits a family without samples', () => {
    assert.equal(
      write('text', (out) => out.family(requests)),
      '',
    )
  })

  it('round-trips any label text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.constantFrom(...formats), (value, format) => {
        const text = write(format, (out) => {
          out.family(requests)
          out.sample(1, labelText({ model: value, other: 'x' }))
        })
        const [family] = parseExposition(text, format)
        assert.deepEqual(family?.samples, [
          { name: 'a_requests_total', labels: { model: value, other: 'x' }, value: 1 },
        ])
      }),
    )
  })

  it('round-trips any number and help text', () => {
    fc.assert(
      fc.property(
        fc.double(),
        fc.string({ minLength: 1 }),
        fc.constantFrom(...formats),
        (value, help, format) => {
          const text = write(format, (out) => {
            out.family({ name: 'a', type: 'gauge', help: help.trim() || 'x' })
            out.sample(value)
          })
          const [family] = parseExposition(text, format)
          // 0 and -0 are written alike.
          assert.ok(Object.is(family?.samples[0]?.value, value === 0 ? 0 : value))
          assert.equal(
            family?.help.replace(/\\(\\|n)/g, (_, what) => (what === 'n' ? '\n' : '\\')),
            help.trim() || 'x',
          )
        },
      ),
    )
  })

  it('can be read in chunks', () => {
    const out = new Exposition('openmetrics')
    out.family(requests)
    out.sample(1, labelText({ code: '200' }))
    const first = out.take()
    out.sample(2, labelText({ code: '404' }))
    parseExposition(first + out.end(), 'openmetrics')
  })

  it('lists the names of its series', () => {
    assert.deepEqual(seriesNames(requests), ['a_requests_total'])
    assert.deepEqual(seriesNames({ ...requests, type: 'histogram' }), [
      'a_requests_bucket',
      'a_requests_sum',
      'a_requests_count',
    ])
  })
})
