import { editBody, valueEdit } from '../../kernel/json/body-edit.ts'
import { memberSpans } from '../../kernel/json/body-members.ts'
import { quote } from '../../kernel/json/json-bytes.ts'
import { KeyNames } from '../../kernel/json/key-names.ts'

const modelKey = new KeyNames<number>([['model', 0]])

/** A whole answer with another name for its model, if it has one; every other byte stays. */
export function renamedAnswer(answer: Buffer, model: string | undefined): Buffer {
  if (model === undefined) return answer
  const [span] = memberSpans(answer, modelKey) ?? []
  return span === undefined || answer[span.start] !== quote
    ? answer
    : editBody(answer, [valueEdit(span, model)])
}
