import { isObject, type JsonObject } from '../../../kernel/json/json-fields.ts'
import { parseLossless } from '../../../kernel/json/lossless.ts'

/**
 * A call as Ollama's API has it: without an ID, with its arguments as an object. Older versions of Zed read no key
 * beside `function`.
 * @param args JSON text
 * @returns undefined if the arguments were cut off: clients run each call that they receive, whatever ended the answer
 */
export function answerCall(name: string, args: string): JsonObject | undefined {
  const values = args === '' ? {} : parsed(args)
  return isObject(values) ? { function: { name, arguments: values } } : undefined
}

function parsed(text: string): unknown {
  try {
    return parseLossless(text)
  } catch {
    return undefined
  }
}
