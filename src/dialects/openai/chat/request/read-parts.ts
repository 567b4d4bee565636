import { isObject, type JsonObject, objectField, textField } from '../../../../kernel/json/json-fields.ts'
import type { MediaSource, Part, ToolResult } from '../../../hub/contract/conversation.ts'
import type { Feature } from '../../../hub/contract/features.ts'
import { contentBlocks } from '../../../hub/parts/blocks.ts'
import { imageTypeOf, mediaSource } from '../../../hub/parts/data-url.ts'
import { refuse } from './field-values.ts'

/** Media types of text files, by the end of their names. */
const textFile = /\.(?:txt|md|csv|json|xml|html?|ya?ml|log|py|[cm]?[jt]sx?)$/i

export interface ReadContent {
  readonly parts: readonly Part[]
  /** Results of calls in Anthropic's form, which Cursor sends among the parts of a user. */
  readonly results: readonly ToolResult[]
}

/**
 * Reads the content of a message of a user or a tool.
 * @param isResult whether parts of an unknown type are kept as JSON, because a tool may answer anything
 * @throws GatewayError invalid_request
 */
export function readContent(content: unknown, at: string, uses: Set<Feature>, isResult = false): ReadContent {
  if (typeof content === 'string')
    return { parts: content === '' ? [] : [{ kind: 'text', text: content }], results: [] }
  if (typeof content === 'number' || typeof content === 'boolean') {
    return { parts: [{ kind: 'text', text: String(content) }], results: [] }
  }
  const parts: Part[] = []
  const results: ToolResult[] = []
  contentBlocks(content).forEach((block, index) => {
    if ((block.cache_control ?? block.prompt_cache_breakpoint ?? null) !== null) uses.add('cache_control')
    if (block.type === 'tool_result') results.push(anthropicResult(block, `${at}.${index}`, uses))
    else {
      const part = readPart(block, at, index, uses, isResult)
      if (part !== undefined) parts.push(part)
    }
  })
  return { parts, results }
}

/** The result of a call, with what it uses. */
export function readResult(
  result: Omit<ToolResult, 'parts'>,
  content: unknown,
  at: string,
  uses: Set<Feature>,
): ToolResult {
  const { parts } = readContent(content, at, uses, true)
  if (result.isError) uses.add('tool_result_error')
  if (parts.some(({ kind }) => kind === 'image')) uses.add('tool_result_image')
  return { ...result, parts }
}

function anthropicResult(block: JsonObject, at: string, uses: Set<Feature>): ToolResult {
  const callId = textField(block, 'tool_use_id') ?? ''
  return readResult({ callId, isError: block.is_error === true }, block.content, `${at}.content`, uses)
}

/** @returns undefined if it is empty, or has no counterpart, which is then among the features */
function readPart(
  block: JsonObject,
  at: string,
  index: number,
  uses: Set<Feature>,
  isResult: boolean,
): Part | undefined {
  const path = `${at}.${index}`
  switch (block.type) {
    case undefined:
    case 'text':
    case 'input_text':
    case 'output_text': {
      const text = textField(block, 'text')
      if (text !== undefined) return text === '' ? undefined : { kind: 'text', text }
      return isResult ? asText(block) : refuse(`${path}.text`, 'must be a string')
    }
    case 'image_url':
    case 'input_image':
    case 'image':
      return readImage(block, path, uses)
    case 'input_audio':
    case 'audio':
    case 'audio_url':
      return readAudio(block, path, uses)
    case 'video_url':
    case 'input_video':
    case 'video':
      uses.add('video_input')
      return undefined
    case 'file':
    case 'input_file':
    case 'document':
      return readFile(block, path, uses)
    default:
      return isResult
        ? asText(block)
        : refuse(`${path}.type`, `unknown type of content: ${shown(block.type)}`)
  }
}

function asText(block: JsonObject): Part {
  return { kind: 'text', text: JSON.stringify(block) }
}

function shown(type: unknown): string {
  return typeof type === 'string' ? JSON.stringify(type.slice(0, 40)) : typeof type
}

function readImage(block: JsonObject, at: string, uses: Set<Feature>): Part {
  const image = isObject(block.image_url) ? block.image_url : block
  const detail = textField(image, 'detail')
  const source = imageSource(block, image, at)
  if (source.kind === 'file') uses.add('file_id')
  else uses.add(source.kind === 'url' ? 'image_url' : 'image_data')
  if (detail === undefined || detail === 'auto') return { kind: 'image', source }
  uses.add('image_detail')
  return { kind: 'image', source, detail }
}

function imageSource(block: JsonObject, image: JsonObject, at: string): MediaSource {
  if (isObject(block.source)) return anthropicSource(block.source, `${at}.source`, 'image/png')
  const id = textField(image, 'file_id')
  if (id !== undefined && id !== '') return { kind: 'file', id }
  const url = textField(image, 'url') ?? textField(image, 'image_url') ?? textField(image, 'image')
  if (url === undefined || url === '') return refuse(`${at}.image_url.url`, 'is required')
  const type = imageTypeOf(url)
  // Some clients send the data without a URL around it.
  if (type !== undefined) return { kind: 'data', data: url, mediaType: type }
  return mediaSource(url, 'image/png') ?? refuse(`${at}.image_url.url`, 'is not a valid data URL')
}

/** `source` of Anthropic's blocks. */
function anthropicSource(source: JsonObject, at: string, defaultType: string): MediaSource {
  const data = textField(source, 'data')
  const url = textField(source, 'url')
  const id = textField(source, 'file_id')
  if (data !== undefined)
    return { kind: 'data', data, mediaType: textField(source, 'media_type') ?? defaultType }
  if (url !== undefined)
    return mediaSource(url, defaultType) ?? refuse(`${at}.url`, 'is not a valid data URL')
  return id === undefined ? refuse(at, 'has no data, url or file_id') : { kind: 'file', id }
}

function readAudio(block: JsonObject, at: string, uses: Set<Feature>): Part {
  uses.add('audio_input')
  const audio =
    objectField(block, 'input_audio') ??
    objectField(block, 'audio_url') ??
    objectField(block, 'audio') ??
    block
  const sent = textField(audio, 'data') ?? textField(audio, 'url') ?? textField(audio, 'audio_url')
  if (sent === undefined || sent === '') return refuse(`${at}.input_audio.data`, 'is required')
  const isUrl = /^[a-z][a-z0-9+.-]{0,20}:/i.test(sent)
  const source = isUrl ? mediaSource(sent, 'audio/wav') : undefined
  if (isUrl && source?.kind !== 'data')
    return refuse(`${at}.audio_url.url`, 'only a data URL can be translated')
  const format = textField(audio, 'format')
  if (source?.kind !== 'data') return { kind: 'audio', data: sent, format: format ?? 'wav' }
  return { kind: 'audio', data: source.data, format: format ?? audioFormat(source.mediaType) }
}

function audioFormat(mediaType: string): string {
  const name = mediaType.replace(/^audio\/(?:x-)?/, '')
  return name === 'mpeg' ? 'mp3' : name === 'wave' || name === 'vnd.wave' ? 'wav' : name
}

function readFile(block: JsonObject, at: string, uses: Set<Feature>): Part {
  const file = objectField(block, 'file') ?? block
  const name = textField(file, 'filename') ?? textField(file, 'name') ?? textField(file, 'title')
  const source = isObject(file.source)
    ? documentSource(file.source, `${at}.source`)
    : fileSource(file, name, `${at}.file`)
  if (typeof source === 'string') return { kind: 'text', text: source }
  if (source.kind === 'data' && source.mediaType.startsWith('image/')) {
    uses.add('image_data')
    return { kind: 'image', source }
  }
  uses.add(source.kind === 'file' ? 'file_id' : source.kind === 'url' ? 'document_url' : 'document_data')
  return { kind: 'document', source, name }
}

/** @returns the text of a document that is text */
function documentSource(source: JsonObject, at: string): MediaSource | string {
  if (source.type === 'text') return textField(source, 'data') ?? ''
  return anthropicSource(source, at, 'application/pdf')
}

function fileSource(file: JsonObject, name: string | undefined, at: string): MediaSource {
  const data = textField(file, 'file_data')
  const url = textField(file, 'file_url')
  const id = textField(file, 'file_id')
  if (id !== undefined && id !== '') return { kind: 'file', id }
  if (url !== undefined && url !== '') return { kind: 'url', url }
  if (data === undefined || data === '') return refuse(at, 'needs file_data or file_id')
  const defaultType = name !== undefined && textFile.test(name) ? 'text/plain' : 'application/pdf'
  if (!/^data:/i.test(data)) return { kind: 'data', data, mediaType: defaultType }
  return mediaSource(data, defaultType) ?? refuse(`${at}.file_data`, 'is not a valid data URL')
}
