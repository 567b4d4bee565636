import type { JsonSpan } from './body-scan.ts'

/** The body with one value replaced in place; every other byte stays (numbers, unknown keys, order). */
export function replaceValue(body: Buffer, span: JsonSpan, value: string): Buffer {
  return Buffer.concat([
    body.subarray(0, span.start),
    Buffer.from(JSON.stringify(value)),
    body.subarray(span.end),
  ])
}
