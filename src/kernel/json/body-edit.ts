import type { JsonSpan } from './json-bytes.ts'

/** Bytes of a body, and what stands there instead; where they are none, what is put in. */
export interface BodyEdit extends JsonSpan {
  readonly text: string
}

/** The edit that gives a value another one. */
export function valueEdit({ start, end }: JsonSpan, value: string): BodyEdit {
  return { start, end, text: JSON.stringify(value) }
}

/**
 * The body with some bytes replaced in place; every other byte stays (numbers, unknown keys, order).
 * @param edits must not overlap
 */
export function editBody(body: Buffer, edits: readonly BodyEdit[]): Buffer {
  const parts: Buffer[] = []
  let from = 0
  for (const { start, end, text } of [...edits].sort((a, b) => a.start - b.start)) {
    parts.push(body.subarray(from, start), Buffer.from(text))
    from = end
  }
  parts.push(body.subarray(from))
  return Buffer.concat(parts)
}
