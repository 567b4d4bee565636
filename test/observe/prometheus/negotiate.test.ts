import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { negotiateFormat } from '../../../src/observe/prometheus/negotiate.ts'

describe('the format of a scrape', () => {
  const cases: readonly [string | undefined, 'text' | 'openmetrics'][] = [
    [undefined, 'text'],
    ['*/*', 'text'],
    ['text/plain', 'text'],
    ['application/openmetrics-text', 'openmetrics'],
    // Prometheus 2 and 3.
    [
      'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      'openmetrics',
    ],
    [
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
      'openmetrics',
    ],
    ['text/plain;version=0.0.4;q=1,application/openmetrics-text;version=1.0.0;q=0.5', 'text'],
    ['application/openmetrics-text;q=0', 'text'],
    ['application/openmetrics-text;version=9.0.0', 'text'],
    [`application/openmetrics-text,${'x'.repeat(5_000)}`, 'text'],
    ['application/vnd.google.protobuf;q=0.9, text/plain;q=0.1', 'text'],
  ]
  for (const [accept, format] of cases) {
    it(`is ${format} for ${accept?.slice(0, 60) ?? 'no Accept'}`, () => {
      assert.equal(negotiateFormat(accept), format)
    })
  }
})
