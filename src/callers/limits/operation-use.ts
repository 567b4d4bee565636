import { operationOf } from '../../dialects/requests/operation.ts'
import { Remembered } from '../../kernel/remembered.ts'

/** What an operation may use. */
export interface OperationUse {
  /** Whether it uses tokens and money; any other counts as a request only. */
  readonly isInference: boolean
  /** Whether it generates tokens. */
  readonly generates: boolean
}

const known = new Remembered<OperationUse>()

/** Operations that read tokens and generate none. */
const readsOnly = /(?:embed(?:ding)?s?|encode|pooling|score|classify|similarity|re?rank(?:ing)?|moderations)$/

/** Operations that only count tokens. */
const free = /(?:\/(?:de)?tokenize|apply-template|count_?tokens|token_counter|chat_template|input_tokens)$/

/** @param path as sent to the endpoint */
export function operationUse(path: string): OperationUse {
  const found = known.get(path)
  if (found !== undefined) return found
  const operation = operationOf(path)
  const use = {
    isInference: operation.isInference && !operation.isModelList && !free.test(operation.path),
    generates: !readsOnly.test(operation.path),
  }
  known.set(path, use)
  return use
}
