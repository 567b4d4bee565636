import { maxModelNameBytes } from '../names/model-name.ts'
import { BodyMembers, type MemberSkipper } from './body-members.ts'
import { backslash, decodeString, type JsonSpan, openBracket, quote } from './json-bytes.ts'
import { KeyNames } from './key-names.ts'
import { outputKeys } from './output-keys.ts'

export type { JsonSpan } from './json-bytes.ts'

/** What routing needs from a request body. The last occurrence of a repeated key counts, as in `JSON.parse`. */
export interface ScannedBody {
  /** Decoded `model`; undefined if absent or not a string. */
  readonly model: string | undefined
  readonly modelSpan: JsonSpan | undefined
  /** Whether another spelling of the key (`Model`) has a different value: servers written in Go accept either. */
  readonly isModelAmbiguous: boolean
  /** The JSON type of a `model` that is neither a string nor null. */
  readonly wrongModelType: string | undefined
  /** The value of `name`, Ollama's older key for the model. */
  readonly nameSpan: JsonSpan | undefined
  /** Whether `stream` is literally `true`; undefined if absent. */
  readonly stream: boolean | undefined
  /** The value of `stream_options`. */
  readonly streamOptions: JsonSpan | undefined
  /** End of the last member, where another one can be inserted. */
  readonly lastEnd: number
  /** Total size of `messages`, `prompt`, `input` and `system`. */
  readonly promptBytes: number
  /** Whether a key may limit the length or number of answers. */
  readonly mayLimitOutput: boolean
  /** Keys that show which abilities the model needs. */
  readonly keys: BodyKeys
}

/** Present and neither null, false nor, except for `stored`, empty. */
export interface BodyKeys {
  readonly tools: boolean
  readonly responseFormat: boolean
  readonly images: boolean
  /** The Responses API's members that name something stored, or have the response stored while it is made. */
  readonly stored: boolean
  readonly truncation: boolean
}

/** Including the quotes. */
const modelKeyLength = 7
const letterM = 0x6d
const letterN = 0x6e
const letterF = 0x66
/** Turns an ASCII letter into lower case when or-ed with it. */
const lowerCase = 0x20
const noKeys: BodyKeys = {
  tools: false,
  responseFormat: false,
  images: false,
  stored: false,
  truncation: false,
}
/** The keys of interest and what each one means. */
const readKeys = new KeyNames<
  'model' | 'name' | 'stream' | 'streamOptions' | 'prompt' | 'prompts' | 'output' | keyof BodyKeys
>([
  ...outputKeys.map(([name]) => [name, 'output'] as const),
  ['model', 'model'],
  ['name', 'name'],
  ['stream', 'stream'],
  ['stream_options', 'streamOptions'],
  ['messages', 'prompt'],
  ['prompt', 'prompts'],
  ['input', 'prompt'],
  ['system', 'prompt'],
  ['tools', 'tools'],
  ['functions', 'tools'],
  ['response_format', 'responseFormat'],
  ['format', 'responseFormat'],
  ['images', 'images'],
  ['previous_response_id', 'stored'],
  ['conversation', 'stored'],
  ['background', 'stored'],
  ['truncation', 'truncation'],
])

/**
 * Finds the top-level keys that routing needs without parsing the rest. Most of the cost is skipping strings, which
 * `Buffer.indexOf` does at memory speed. Skipped values are not validated.
 * @param skipper passes the values
 * @returns undefined if the bytes cannot be a JSON object
 */
export function scanBody(body: Buffer, skipper?: MemberSkipper): ScannedBody | undefined {
  const members = new BodyMembers(body, 0, skipper)
  let modelSpan: JsonSpan | undefined
  let model: string | undefined
  let wrongModelType: string | undefined
  let otherSpan: JsonSpan | undefined
  let nameSpan: JsonSpan | undefined
  let stream: boolean | undefined
  let streamOptions: JsonSpan | undefined
  let promptBytes = 0
  let mayLimitOutput = false
  let keys = noKeys
  while (members.next()) {
    const key = members.find(readKeys)
    const { start, end } = members
    if (key === undefined) {
      if (isModelKey(body, members.keyStart, members.keyEnd) && body[start] === quote)
        otherSpan = { start, end }
      continue
    }
    if (key === 'model') {
      modelSpan = body[start] === quote ? { start, end } : undefined
      model = modelSpan === undefined ? undefined : nameAt(body, start, end)
      wrongModelType = modelSpan === undefined ? typeAt(body, start) : undefined
    } else if (key === 'name') {
      nameSpan = body[start] === quote ? { start, end } : undefined
    } else if (key === 'stream') {
      stream = end - start === 4 && body.toString('latin1', start, end) === 'true'
    } else if (key === 'streamOptions') {
      streamOptions = { start, end }
    } else if (key === 'prompt' || key === 'prompts') {
      promptBytes += end - start
      if (key === 'prompts' && body[start] === openBracket) mayLimitOutput = true
    } else if (key === 'output') {
      mayLimitOutput = true
    } else {
      const isSet = key === 'stored' ? isGiven(body, start) : isMeant(body, start, end)
      if (isSet !== keys[key]) keys = { ...keys, [key]: key === 'stored' ? isSet || keys.stored : isSet }
    }
  }
  const { end: lastEnd } = members
  if (!members.isWhole) return undefined
  const other = otherSpan === undefined ? undefined : nameAt(body, otherSpan.start, otherSpan.end)
  const isModelAmbiguous = other !== undefined && model !== undefined && other !== model
  if (model === undefined && other !== undefined) {
    model = other
    modelSpan = otherSpan
  }
  return {
    model,
    modelSpan,
    isModelAmbiguous,
    wrongModelType,
    nameSpan,
    stream,
    streamOptions,
    lastEnd,
    promptBytes,
    mayLimitOutput,
    keys,
  }
}

/** Decodes a name; a name that is too long is cut just above the limit, so that the check still fails. */
export function nameAt(body: Buffer, start: number, end: number): string | undefined {
  return end - start > maxModelNameBytes
    ? body.toString('latin1', start, start + maxModelNameBytes)
    : decodeString(body, start, end)
}

/** Whether the key is `model` in any case: Go's JSON decoder ignores case, so Ollama accepts it. */
function isModelKey(body: Buffer, start: number, end: number): boolean {
  const length = end - start
  const first = body[start + 1] ?? 0
  // An escape takes up to six bytes per character.
  if (length < modelKeyLength || length > 6 * modelKeyLength) return false
  if (length === modelKeyLength ? (first | lowerCase) !== letterM : !hasBackslash(body, start, end))
    return false
  return decodeString(body, start, end)?.toLowerCase() === 'model'
}

function hasBackslash(body: Buffer, start: number, end: number): boolean {
  let at = start
  while (at < end && body[at] !== backslash) at++
  return at < end
}

/** @returns undefined for null */
function typeAt(body: Buffer, start: number): string | undefined {
  switch (String.fromCharCode(body[start] ?? 0)) {
    case 'n':
      return undefined
    case '[':
      return 'array'
    case '{':
      return 'object'
    case 't':
    case 'f':
      return 'boolean'
    default:
      return 'number'
  }
}

/** Whether a value is neither null nor false. */
function isGiven(body: Buffer, start: number): boolean {
  return body[start] !== letterN && body[start] !== letterF
}

/** Whether a value has an effect: not null, false, or an empty string, object or array. */
function isMeant(body: Buffer, start: number, end: number): boolean {
  if (end - start > 5) return true
  const text = body.toString('latin1', start, end).replace(/\s/g, '')
  return text !== 'null' && text !== 'false' && text !== '""' && text !== '[]' && text !== '{}'
}
