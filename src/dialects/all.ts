import { anthropic } from './anthropic/index.ts'
import type { AnswerForm } from './contract/answer-form.ts'
import type { Dialect } from './contract/dialect.ts'
import { ollama } from './ollama/index.ts'
import { openai } from './openai/index.ts'

/** Every dialect. The first that owns a path has it; the last has what is left. */
export const dialects: readonly Dialect[] = [anthropic, ollama, openai]

/** The one that has what no other dialect has. */
export const defaultDialect: Dialect = openai

/** Every form of answers, in the order in which they are asked whether a path is theirs. */
export const answerForms: readonly AnswerForm[] = dialects.flatMap(({ answers }) => answers)

/** Sections that a backend profile may have for the usage of answers. */
export const usageSections: readonly string[] = [...new Set(answerForms.map(({ usage }) => usage.section))]

/** Those whose requests are translated and counted. */
export const translatedDialects: readonly Dialect[] = dialects.filter(
  ({ translatedPaths }) => translatedPaths.length > 0,
)

/** @param path below the prefix of a route */
export function isTranslatedPath(path: string): boolean {
  return translatedDialects.some(({ translatedPaths }) => translatedPaths.includes(path))
}

/** @throws Error where there is none of this name */
export function dialectNamed(name: string): Dialect {
  const dialect = dialects.find((each) => each.name === name)
  if (dialect === undefined) throw new Error(`There is no dialect "${name}".`)
  return dialect
}
