import { encodeField } from '../../http/body/form-fields.ts'
import { type SentForm, Upload } from '../../http/body/upload.ts'
import { editBody, valueEdit } from '../../kernel/json/body-edit.ts'
import type { ExchangeRequest } from '../contract/exchange-request.ts'

type NamedRequest = Pick<ExchangeRequest, 'body' | 'query' | 'modelSpan' | 'modelPlace'>

/** Whether the position of the model's name in the request is known. */
export function namesModel({ body, modelSpan, modelPlace }: NamedRequest): boolean {
  return modelSpan !== undefined || modelPlace !== undefined || (body instanceof Upload && body.namesModel)
}

/** The query with another model name, if the query names the model. */
export function renamedQuery({ query, modelPlace }: NamedRequest, model: string): string {
  if (modelPlace?.in !== 'query') return query
  return query.slice(0, modelPlace.start) + encodeField(model) + query.slice(modelPlace.end)
}

/** The body with another model name, if the body names the model; every other byte stays. */
export function renamedBody(request: NamedRequest, model: string): Buffer | SentForm | null {
  const { body, modelSpan, modelPlace } = request
  if (body instanceof Upload) return body.renamed(model)
  if (body === null) return null
  if (modelSpan !== undefined) return editBody(body, [valueEdit(modelSpan, model)])
  if (modelPlace?.in !== 'form') return body
  return editBody(body, [{ start: modelPlace.start, end: modelPlace.end, text: encodeField(model) }])
}
