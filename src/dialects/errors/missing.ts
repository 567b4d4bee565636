import { errorText } from './error-text.ts'

/**
 * What an endpoint's "not found" refers to.
 * - `path`: the endpoint does not have the API path
 * - `model`: it does not have the model
 * - `object`: it does not have the stored object that the request names
 * - `request`: it refuses this request
 * - `unsure`: the text does not show which
 */
export type Missing = 'path' | 'model' | 'object' | 'request' | 'unsure'

export interface MissingAnswer {
  /** Without its query. */
  readonly path: string
  readonly statusCode: number
  /** The answer's body; undefined if it is not readable. */
  readonly text: string | undefined
}

/** Whether servers use a status to report that something is missing. */
export function isMissingStatus(statusCode: number): boolean {
  return statusCode === 404 || statusCode === 405 || statusCode === 501
}

/** Messages of routers for an unknown route: of frameworks, proxies and inference servers. */
const pathMessages: readonly RegExp[] = [
  // Go, Express, LM Studio, OpenAI, Kong, Spring, Rails, Laravel
  /\b404 page not found\b/,
  /\bcannot (?:get|post|put|patch|delete) \//,
  /\bunexpected endpoint or method\b/,
  /\b(?:unknown|invalid|unsupported) (?:request )?(?:url|uri|path|route|endpoint|method)\b/,
  /\bunknown_url\b/,
  /\bno (?:such |matching )?(?:route|handler)s?\b|\bno (?:such|matching) endpoint\b/,
  /\b(?:route|url|uri|path|page|endpoint|resource|file|handler|method) (?:was |is )?(?:not found|not allowed|not supported|not implemented|unsupported|does not exist|doesn't exist)\b/,
  /\bnothing (?:at|matches) (?:this|the given) (?:path|uri)\b/,
  /\bno static resource\b/,
  /\bpath_not_served\b/,
]
/** An answer that consists of one of these says nothing about a model. */
const bareMessage =
  /^(?:the requested (?:url|resource) was not found(?: on (?:this|the) server)?|(?:404[\s:.-]*)?not[\s_]?found(?:[_\s]?error)?|method not allowed|not implemented|no response)[.!]?$/
const modelMessage =
  /\bmodels?\b.{0,200}?\b(?:not[\s_]found|does(?: not|n't) exist|do not have access|not (?:available|loaded|registered|recognized|exist|supported)|is unknown|cannot be found|could not be found|pulling it)\b|\bmodel_not_found\b|\b(?:no such|unknown|invalid|could not find(?: the| suitable handler for)?|failed to find|not found:?) models?\b|\bno (?:model|healthy deployments?|deployments?)\b|\btry pulling it first\b/
const objectMessage =
  /\b(?:response|conversation|thread|item|file|batch|assistant|message|object|previous_response_id)s?\b.{0,200}?\b(?:not[\s_]found|does(?: not|n't) exist|expired|unknown|no longer)\b|\bno (?:response|conversation|item|file|batch) (?:found|with)\b/
/** Messages of a server that was started without the feature behind a path (llama.cpp). */
const operationMessages: readonly (readonly [path: RegExp, message: RegExp])[] = [
  [/embed/, /\b(?:embed|pooling)/],
  [/rerank|score|classify/, /\b(?:rerank|scor(?:e|ing)|pooling|classif)/],
  [/audio/, /\b(?:audio|speech|transcription|translation|tts)/],
  [/images/, /\bimages?\b/],
  [/infill/, /\binfill/],
  [/responses/, /\bresponses\b/],
  [/tokenize/, /\btokeniz/],
  [/chat|completion|messages|generate/, /\b(?:chat|completions?|messages|generation|generate)\b/],
  [/slots|metrics/, /\b(?:slot|metric)/],
]
/** Names of the content or the options of a request. */
const inputNames =
  /\b(?:image|picture|audio|speech|video|file|document|pdf|vision|multimodal|modalit|mmproj|input|content|part|tool|function|grammar|logprob|logit|json_schema|response_format|reasoning|thinking|parameter|option|feature|stop|stream|temperature)\w*/

/** Determines what a 404, 405 or 501 refers to. */
export function readMissing({ path, statusCode, text }: MissingAnswer): Missing {
  if (statusCode === 405) return 'path'
  if (text === undefined) return 'unsure'
  const body = text.slice(0, 8_192).trim()
  const message = errorText(body).toLowerCase()
  if (statusCode === 501) {
    const isOwn = operationMessages.some(([paths, own]) => paths.test(path) && own.test(message))
    return inputNames.test(message) && !isOwn ? 'request' : 'path'
  }
  if (body === '' || body.startsWith('<')) return 'path'
  if (message.includes(path.toLowerCase()) || pathMessages.some((pattern) => pattern.test(message))) {
    return namesObject(path) && objectMessage.test(message) ? 'object' : 'path'
  }
  if (namesObject(path) || objectMessage.test(message)) {
    return bareParts(message) || modelMessage.test(message)
      ? namesObject(path)
        ? 'object'
        : 'model'
      : 'object'
  }
  if (modelMessage.test(message)) return 'model'
  return bareParts(message) ? 'path' : 'unsure'
}

/** Whether a path names a stored object, and perhaps a part of it or an operation on it. */
export function namesObject(path: string): boolean {
  return /\/(?:responses|conversations|files|batches|threads|assistants)\/[^/]/.test(path)
}

/** Whether each field is one of the bare messages or is empty. */
function bareParts(message: string): boolean {
  return message.split(' . ').every((part) => {
    const plain = part.trim()
    return (
      bareMessage.test(plain) ||
      /^(?:code: )?\d*$/.test(plain) ||
      /^[a-z]*(?:_error|error|exception)$/.test(plain)
    )
  })
}
