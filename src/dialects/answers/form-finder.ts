import { Remembered } from '../../kernel/remembered.ts'
import { answerForms } from '../all.ts'
import type { AnswerForm } from '../contract/answer-form.ts'

/** Finds the form of an answer by the requested path, without the query. */
export interface FormFinder {
  /**
   * The form of the answer to a request.
   * @returns undefined if it is not known
   */
  answer(method: string, path: string): AnswerForm | undefined
  /** The form that defines where an answer reports its usage; the default if the form is unknown. */
  usage(path: string): AnswerForm
}

/** @param usual the form of most answers */
export function formFinder(forms: readonly AnswerForm[], usual: AnswerForm): FormFinder {
  /** Null for paths whose answers have no known form. */
  const answers = new Remembered<AnswerForm | null>()
  const usages = new Remembered<AnswerForm>()
  const owner = (path: string) => forms.find((form) => form.owns(path))
  return {
    answer(method, path) {
      if (method !== 'POST') return undefined
      const found = answers.get(path)
      if (found !== undefined) return found ?? undefined
      const form = owner(path)
      answers.set(path, form ?? null)
      return form
    },
    usage(path) {
      const found = usages.get(path)
      if (found !== undefined) return found
      const form = owner(path) ?? forms.find(({ usage }) => usage.furtherPaths?.test(path) === true) ?? usual
      usages.set(path, form)
      return form
    },
  }
}

/** @throws Error if no dialect has a form of this name */
export function answerFormNamed(name: string): AnswerForm {
  const form = answerForms.find((each) => each.name === name)
  if (form === undefined) throw new Error(`Unknown answer form "${name}".`)
  return form
}

const finder = formFinder(answerForms, answerFormNamed('chat'))

export const answerFormOf: FormFinder['answer'] = finder.answer
export const usageFormOf: FormFinder['usage'] = finder.usage
