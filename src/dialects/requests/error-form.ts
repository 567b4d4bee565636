import { answerFormOf } from '../answers/form-finder.ts'
import type { ErrorForm } from '../contract/dialect.ts'
import { operationOf } from './operation.ts'

const plainErrors: ErrorForm = { hasContext: false }

/**
 * The form of the errors of an operation, in which clients expect their own dialect.
 * @returns undefined if no API has the operation, and for requests whose answer has no body
 */
export function errorFormOf(method: string, path: string): ErrorForm | undefined {
  const form = answerFormOf(method, path)
  if (form !== undefined || method === 'HEAD') return form
  const { isInference, isModelList, managementMessage } = operationOf(path)
  return isInference || isModelList || managementMessage !== undefined ? plainErrors : undefined
}
