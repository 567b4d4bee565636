import { isObject } from '../../../kernel/json/json-fields.ts'

/** The arguments of a call of a custom tool, whose input is free text. */
export function customArguments(input: string): string {
  return JSON.stringify({ input })
}

/**
 * The input of a custom tool in the arguments of a call. A model that gives its one argument another name, or that
 * writes the text itself, means the same.
 */
export function customInput(args: string): string {
  let value: unknown
  try {
    value = JSON.parse(args)
  } catch {
    return args
  }
  if (typeof value === 'string') return value
  if (!isObject(value)) return args
  if (typeof value.input === 'string') return value.input
  const [only, ...others] = Object.values(value)
  return typeof only === 'string' && others.length === 0 ? only : only === undefined ? '' : args
}
