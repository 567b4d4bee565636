import { isObject } from '../../../kernel/json/json-fields.ts'

/** Key under which Anthropic's documentation puts arguments that are not valid JSON ("fine-grained tool streaming"). */
const invalidKey = 'INVALID_JSON'

/** Arguments as the text of an object: `tool_use.input` must be one, whatever the model wrote. */
export function objectText(text: string): string {
  const value = parse(text)
  if (isObject(value)) return text
  if (text.trim() === '' || value === null || value === '' || isEmptyList(value)) return '{}'
  const inner = typeof value === 'string' ? parse(value) : undefined
  if (typeof value === 'string' && isObject(inner)) return value
  if (typeof value === 'string' && (inner === null || value.trim() === '')) return '{}'
  return JSON.stringify({ [invalidKey]: typeof value === 'string' ? value : text })
}

/** `tool_use.input` of complete arguments. Arguments that are not valid JSON are put under a separate key. */
export function callInput(text: string, parseJson: (text: string) => unknown = JSON.parse): object {
  const objectJson = objectText(text)
  const value: unknown = parseJson(objectJson)
  return isObject(value) ? value : {}
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
