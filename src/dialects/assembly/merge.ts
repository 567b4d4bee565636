import { isObject, type JsonObject } from '../../kernel/json/json-fields.ts'
import { isRaw, parseLossless } from '../../kernel/json/lossless.ts'
import { type BadAnswer, errorIn } from '../errors/bad-answer.ts'

/** An object that grows by deltas. */
export type Merged = Record<string, unknown>

/** Keys whose strings are parts of a text, in any dialect. All other strings are whole values. */
const textKeys: ReadonlySet<string> = new Set([
  ...['content', 'text', 'response', 'refusal'],
  ...['reasoning_content', 'reasoning', 'reasoning_text', 'thinking', 'thinking_content', 'summary'],
  ...['arguments', 'input'],
])

/** Keys that only streams have, such as the padding of OpenAI's events. */
const streamKeys: ReadonlySet<string> = new Set(['obfuscation', 'prompt_progress'])

/** Whether a key of a chunk is neither kept nor safe to set. */
export function isDropped(key: string): boolean {
  return streamKeys.has(key) || key === '__proto__'
}

/**
 * Merges a delta into what arrived before. `null` replaces nothing. The strings of text keys are joined; lists are joined,
 * or merged by `index` if their items have one; objects are merged; of all other values the last one counts.
 * @param skips keys that the caller handles
 * @returns the characters added, if only texts were; else undefined
 */
export function mergeDelta(into: Merged, delta: JsonObject, skips?: ReadonlySet<string>): number | undefined {
  let characters: number | undefined = 0
  for (const key in delta) {
    const value = delta[key]
    if (skips?.has(key) === true || isDropped(key)) continue
    const known = into[key]
    if (known === undefined && characters !== undefined) characters += key.length
    if (value === null) {
      if (known === undefined) into[key] = null
    } else if (typeof value === 'string') {
      into[key] = textKeys.has(key) && typeof known === 'string' ? known + value : value
      if (characters !== undefined) characters += value.length
    } else if (typeof value !== 'object' || isRaw(value)) {
      into[key] = value
    } else {
      into[key] = mergedValue(known, value)
      characters = undefined
    }
  }
  return characters
}

/** Later lists are appended, and later objects merged. */
function mergedValue(known: unknown, value: object | undefined): unknown {
  if (Array.isArray(value) && Array.isArray(known)) {
    appendItems(known, value)
    return known
  }
  if (isObject(value) && isGrowing(known)) {
    mergeDelta(known, value)
    return known
  }
  return value
}

/** Appends items; one with the `index` and type of an earlier one continues it. */
export function appendItems(list: unknown[], items: readonly unknown[]): void {
  for (const item of items) {
    const known = isObject(item) && typeof item.index === 'number' ? findItem(list, item) : undefined
    if (known !== undefined && isObject(item)) mergeDelta(known, item)
    else list.push(item)
  }
}

/** Number of items from the end among which a continued one is looked for: it is nearly always the last one. */
const maxOpenItems = 32

function findItem(list: readonly unknown[], { index, type }: JsonObject): Merged | undefined {
  const first = Math.max(0, list.length - maxOpenItems)
  for (let at = list.length - 1; at >= first; at--) {
    const each = list[at]
    if (isGrowing(each) && each.index === index && each.type === type) return each
  }
  return undefined
}

/**
 * Of each key, the last value other than null counts.
 * @returns the characters of the keys added
 */
export function takeLast(into: Merged, value: JsonObject, skips?: ReadonlySet<string>): number {
  let characters = 0
  for (const key in value) {
    if (skips?.has(key) === true || isDropped(key)) continue
    const each = value[key]
    if (into[key] === undefined) characters += key.length
    else if (each === null) continue
    into[key] = each
  }
  return characters
}

/** Whether the value is an object that deltas may extend. */
export function isGrowing(value: unknown): value is Merged {
  return isObject(value) && !isRaw(value)
}

/** Parses an event; a failure if it is not a JSON object. */
export function readEvent(text: string): { readonly value: JsonObject } | { readonly bad: BadAnswer } {
  try {
    const value = parseLossless(text)
    if (isObject(value)) return { value }
  } catch {
    // Reported below.
  }
  return { bad: errorIn(text) ?? { reason: 'something that is not JSON' } }
}
