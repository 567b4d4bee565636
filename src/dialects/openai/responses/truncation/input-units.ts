import { isObject, type JsonObject, textField } from '../../../../kernel/json/json-fields.ts'

/** Items of a request's input that a shorter input has together or not at all. */
export interface InputUnit {
  /** Places in the input, in order. */
  readonly places: readonly number[]
  readonly characters: number
  /** Whether no input may lack it. */
  readonly isFixed: boolean
}

/** Items that configure the conversation instead of being part of it. */
const settingTypes: ReadonlySet<unknown> = new Set([
  'additional_tools',
  'configuration_update',
  'tool_search_output',
])
/** Of an image or a file, whatever its size; see `prompt-text.ts` for their tokens. */
const mediaCharacters = 4_000
const mediaFields: ReadonlySet<string> = new Set(['image_url', 'file_data', 'data'])
/** Of the members of an object beside their texts, which templates turn into a few tokens. */
const frameCharacters = 16
const maxDepth = 32

/**
 * Splits an input into units, oldest first: a call with its result, reasoning with what it led to, and each other item.
 * Instructions, the user's last message and the last unit are fixed.
 */
export function inputUnits(items: readonly unknown[]): InputUnit[] {
  const groups = grouped(items)
  const lastUser = items.findLastIndex((item) => isObject(item) && item.role === 'user')
  const last = groups.find((places) => places.includes(items.length - 1))
  return groups.map((places) => ({
    places,
    characters: places.reduce((sum, place) => sum + charactersOf(items[place]), 0),
    isFixed: places === last || places.includes(lastUser) || places.every((place) => isSetting(items[place])),
  }))
}

/** An estimate of the text of a value, without what is in media. */
export function charactersOf(value: unknown, depth = 0): number {
  if (typeof value === 'string') return value.length
  if (typeof value !== 'object' || value === null || depth > maxDepth) return 0
  if (Array.isArray(value)) {
    let sum = 0
    for (const each of value) sum += charactersOf(each, depth + 1)
    return sum
  }
  let sum = frameCharacters
  for (const [name, each] of Object.entries(value)) {
    sum += mediaFields.has(name) && typeof each === 'string' ? mediaCharacters : charactersOf(each, depth + 1)
  }
  return sum
}

function isSetting(item: unknown): boolean {
  return (
    isObject(item) && (item.role === 'system' || item.role === 'developer' || settingTypes.has(item.type))
  )
}

/** Whether reasoning can have led to an item. */
function isSaid(item: unknown): boolean {
  if (!isObject(item)) return false
  return (
    item.role === 'assistant' ||
    item.type === 'reasoning' ||
    textField(item, 'type')?.endsWith('_call') === true
  )
}

function grouped(items: readonly unknown[]): (readonly number[])[] {
  const groups: number[][] = []
  const byCall = new Map<string, number[]>()
  let isOpen = false
  for (const [place, item] of items.entries()) {
    const id = isObject(item) ? callIdOf(item) : undefined
    const own = id === undefined ? undefined : byCall.get(id)
    const group = own ?? (isOpen && isSaid(item) ? groups.at(-1) : undefined) ?? []
    if (group.length === 0) groups.push(group)
    group.push(place)
    if (id !== undefined) byCall.set(id, group)
    isOpen = isObject(item) && item.type === 'reasoning'
  }
  return groups
}

/** What joins a call and its result; undefined for any other item. */
function callIdOf(item: JsonObject): string | undefined {
  const type = textField(item, 'type') ?? ''
  if (!type.endsWith('_call') && !type.endsWith('_output')) return undefined
  // The output of `local_shell` names the item of its call.
  return textField(item, 'call_id') ?? textField(item, 'id')
}
