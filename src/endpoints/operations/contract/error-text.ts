import type { JsonObject } from '../../../kernel/json/json-fields.ts'

const maxLength = 500

/** The engine's own message, wherever it puts it. */
export function errorIn(
  status: number,
  { error, message, detail, error_message: other }: JsonObject,
): string {
  const inner = typeof error === 'object' && error !== null && 'message' in error ? error.message : error
  const found = [inner, message, other, detail].find((each) => typeof each === 'string' && each !== '')
  return typeof found === 'string' ? found.slice(0, maxLength) : `status ${status}`
}
