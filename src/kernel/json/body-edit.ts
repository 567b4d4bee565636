import type { JsonSpan } from './json-bytes.ts'

/** A range of a body and its replacement. An empty range inserts. */
export interface BodyEdit extends JsonSpan {
  readonly text: string
}

/** Replaces a value. */
export function valueEdit({ start, end }: JsonSpan, value: string): BodyEdit {
  return { start, end, text: JSON.stringify(value) }
}

/**
 * Applies edits and keeps every other byte (numbers, unknown keys, order).
 * @param edits in any order; must not overlap
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
