import { anthropic } from './anthropic/index.ts'
import type { AnswerForm } from './contract/answer-form.ts'
import type { Dialect } from './contract/dialect.ts'
import type { Format } from './hub/format.ts'
import { ollama } from './ollama/index.ts'
import { openai } from './openai/index.ts'

/** Every dialect. The first one that owns a path gets it; the last one owns every path. */
export const dialects: readonly Dialect[] = [anthropic, ollama, openai]

/** Best first: `chat` and `messages` express most, plain completions least. */
const formatNames: readonly string[] = [
  'chat',
  'messages',
  'responses',
  'ollama-chat',
  'completions',
  'ollama-generate',
]

/** The dialect of all paths that no other dialect owns. */
export const defaultDialect: Dialect = openai

/** Every form of answers, in order of precedence. */
export const answerForms: readonly AnswerForm[] = dialects.flatMap(({ answers }) => answers)

/** Every operation that the gateway can translate, in the order in which endpoints are asked for it. */
export const formats: readonly Format[] = formatNames.flatMap(
  (name) => dialects.flatMap(({ formats = [] }) => formats).find((format) => format.name === name) ?? [],
)

/** Names of the sections below `usage` in a backend profile. */
export const usageSections: readonly string[] = [...new Set(answerForms.map(({ usage }) => usage.section))]

/** The dialects whose requests are translated and counted. */
export const translatedDialects: readonly Dialect[] = dialects.filter(
  ({ translatedPaths }) => translatedPaths.length > 0,
)

/** Whether requests to a path are translated. @param path without the prefix of its route */
export function isTranslatedPath(path: string): boolean {
  return translatedDialects.some(({ translatedPaths }) => translatedPaths.includes(path))
}

/** @throws Error if there is no dialect of this name */
export function dialectNamed(name: string): Dialect {
  const dialect = dialects.find((each) => each.name === name)
  if (dialect === undefined) throw new Error(`Unknown dialect "${name}".`)
  return dialect
}
