import { BodyMembers } from '../../kernel/json/body-members.ts'
import { openBracket } from '../../kernel/json/json-bytes.ts'
import { KeyNames } from '../../kernel/json/key-names.ts'
import { outputKeys } from '../../kernel/json/output-keys.ts'

/** How many tokens a request allows itself. */
export interface OutputLimit {
  /** Undefined if it does not limit them. */
  readonly maxTokens: number | undefined
  /** Number of answers that it asks for. */
  readonly choices: number
}

const members = new KeyNames(outputKeys)

export const noOutputLimit: OutputLimit = { maxTokens: undefined, choices: 1 }

/** More answers than this are not asked for in earnest. */
const maxChoices = 10_000

/** Reads it from the body of a request. The highest maximum counts, because servers differ in which one they read. */
export function outputLimit(body: Buffer): OutputLimit {
  let maxTokens: number | undefined
  let choices = 1
  let prompts = 1
  const read = (start: number, isNested: boolean): void => {
    const found = new BodyMembers(body, start)
    while (found.next()) {
      const member = found.find(members)
      if (member === undefined) continue
      if (member === 'holder') {
        if (!isNested) read(found.start, true)
      } else if (member === 'prompts') {
        prompts = promptCount(body, found.start, found.end)
      } else {
        const value = numberAt(body, found.start, found.end)
        if (value === undefined) continue
        if (member === 'choices') choices = Math.max(choices, Math.min(value, maxChoices))
        else maxTokens = Math.max(maxTokens ?? 0, value)
      }
    }
  }
  read(0, false)
  return { maxTokens, choices: choices * prompts }
}

/** @returns undefined for what is no limit: null, a text, a negative number */
function numberAt(body: Buffer, start: number, end: number): number | undefined {
  if (end - start > 32) return undefined
  const value = Number(body.toString('latin1', start, end))
  return value >= 0 && Number.isFinite(value) ? value : undefined
}

/** Plain completions take a list of prompts, each of which gets an answer. A list of numbers is one prompt. */
function promptCount(body: Buffer, start: number, end: number): number {
  if (body[start] !== openBracket) return 1
  try {
    const list: unknown = JSON.parse(body.toString('utf8', start, end))
    return Array.isArray(list) && typeof list[0] !== 'number' ? Math.max(1, list.length) : 1
  } catch {
    return 1
  }
}
