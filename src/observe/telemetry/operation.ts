import { answerForms } from '../../dialects/all.ts'
import type { GenAiOperation } from '../../dialects/contract/answer-form.ts'

const endings = answerForms.flatMap(({ operations }) => Object.entries(operations))

/** @returns undefined if the path neither generates nor embeds */
export function operationOf(path: string): GenAiOperation | undefined {
  return endings.find(([ending]) => path.endsWith(ending))?.[1]
}
