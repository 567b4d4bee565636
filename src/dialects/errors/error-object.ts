/** An error that an answer reports, in whatever shape. */
export interface AnswerError {
  /** 400 to 599; undefined if the error contains no status. */
  readonly statusCode: number | undefined
  /** '' if the error has none. */
  readonly message: string
  readonly type: string | undefined
  readonly code: string | number | undefined
  readonly param: string | undefined
}

type JsonObject = Readonly<Record<string, unknown>>

/** Names of errors, without case and separators, and the status that each implies. The first match wins. */
const statusByName: readonly (readonly [RegExp, number])[] = [
  [
    /contextlength|contextwindow|contextsize|invalidrequest|badrequest|validation|invalidprompt|unprocessable/,
    400,
  ],
  [/authentication|unauthorized|invalidapikey/, 401],
  [/permission|forbidden/, 403],
  [/notfound/, 404],
  [/toolarge/, 413],
  [/ratelimit|toomanyrequests|insufficientquota/, 429],
  [/overloaded|unavailable/, 503],
  [/timeout/, 504],
  [/server|internal|apierror|engine/, 500],
]

/**
 * The error that a JSON object is or contains. `"error": null` and the like are not errors.
 * @returns undefined if the object is not an error
 */
export function readAnswerError(value: unknown): AnswerError | undefined {
  if (!isObject(value)) return undefined
  const { error } = value
  if (isObject(error) && Object.keys(error).length > 0) return errorFrom(error, value)
  if (typeof error === 'string' && error !== '')
    return errorFrom({ ...value, message: text(value.message) ?? error }, value)
  if (error === true || value.object === 'error' || value.type === 'error') return errorFrom(value, value)
  const { response } = value
  if (value.type === 'response.failed' || (isObject(response) && response.status === 'failed'))
    return errorFrom(isObject(response) ? inner(response) : value, value)
  if (value.object === 'response' && value.status === 'failed') return errorFrom(value, value)
  if (Array.isArray(value.errors) && value.errors.length > 0) return fromList(value.errors, value)
  if (value.detail !== undefined) return fromDetail(value.detail, value)
  return isFlatError(value) ? errorFrom(value, value) : undefined
}

/** LM Studio answers an unknown path with status 200 and this message (lmstudio-bug-tracker#1323). */
export function reportsMissingPath({ message }: AnswerError): boolean {
  return /^unexpected endpoint or method/i.test(message)
}

/** Whether the object reports only that something failed. */
function isFlatError(value: JsonObject): boolean {
  if (textOf(value) === undefined) return false
  if (value.success === false || value.status === 'error' || value.ok === false) return true
  return statusOf(value) !== undefined
}

function fromList(errors: readonly unknown[], outer: JsonObject): AnswerError | undefined {
  const [first] = errors
  return isObject(first) ? errorFrom(first, outer) : errorFrom({ message: String(first) }, outer)
}

/** FastAPI: a string, or a list with one entry per invalid field. */
function fromDetail(detail: unknown, outer: JsonObject): AnswerError | undefined {
  if (typeof detail === 'string')
    return detail === '' ? undefined : errorFrom({ ...outer, message: detail }, outer)
  if (isObject(detail)) return errorFrom(inner(detail), outer)
  if (!Array.isArray(detail) || detail.length === 0) return undefined
  const texts = detail.filter(isObject).map((each) => {
    const field = Array.isArray(each.loc) ? each.loc.slice(1).join('.') : ''
    return `${field === '' ? '' : `${field}: `}${text(each.msg) ?? 'invalid'}`
  })
  return errorFrom({ ...outer, message: texts.join('; '), status: statusOf(outer) ?? 422 }, outer)
}

function errorFrom(error: JsonObject, outer: JsonObject): AnswerError {
  const type = text(error.type) ?? text(outer.type)
  const code = typeof error.code === 'number' ? error.code : text(error.code)
  const message = textOf(error) ?? textOf(outer) ?? ''
  return {
    statusCode:
      statusOf(error) ?? statusOf(outer) ?? statusOfNames([text(error.code), type, text(error.name)]),
    message,
    // The type of an event does not describe the failure.
    type: type === 'error' || type?.startsWith('response.') === true ? undefined : type,
    code,
    param: text(error.param),
  }
}

/** The error inside an object that has one. */
function inner(value: JsonObject): JsonObject {
  return isObject(value.error) ? value.error : value
}

function textOf(value: JsonObject): string | undefined {
  return (
    text(value.message) ?? text(value.msg) ?? text(value.detail) ?? text(value.error) ?? text(value.reason)
  )
}

function statusOf(value: JsonObject): number | undefined {
  for (const field of [value.code, value.status, value.status_code, value.statusCode]) {
    const number = typeof field === 'string' && /^\d{3}$/.test(field) ? Number(field) : field
    if (typeof number === 'number' && Number.isInteger(number) && number >= 400 && number <= 599)
      return number
  }
  return undefined
}

function statusOfNames(names: readonly (string | undefined)[]): number | undefined {
  for (const name of names) {
    if (name === undefined) continue
    const plain = name
      .slice(0, 100)
      .toLowerCase()
      .replace(/[^a-z]/g, '')
    const row = statusByName.find(([pattern]) => pattern.test(plain))
    if (row !== undefined) return row[1]
  }
  return undefined
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
