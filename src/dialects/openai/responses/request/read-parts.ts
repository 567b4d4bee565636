import { isObject, type JsonObject, objectField, textField } from '../../../../kernel/json/json-fields.ts'
import type { MediaSource, Part } from '../../../hub/contract/conversation.ts'
import type { Feature } from '../../../hub/contract/features.ts'
import { contentBlocks } from '../../../hub/parts/blocks.ts'
import { mediaSource } from '../../../hub/parts/data-url.ts'
import { refuse } from '../../chat/request/field-values.ts'

/**
 * Reads `content` of a message or `output` of a tool: a string, a part, or a list of parts.
 * @param isResult whether unknown parts become text, so that no result is lost; else they are refused
 */
export function readParts(content: unknown, field: string, uses: Set<Feature>, isResult = false): Part[] {
  if (typeof content === 'string') return content === '' ? [] : [{ kind: 'text', text: content }]
  const parts: Part[] = []
  contentBlocks(content).forEach((block, index) => {
    const part = readPart(block, `${field}.${index}`, uses)
    if (part !== undefined) parts.push(part)
    else if (isResult) parts.push({ kind: 'text', text: JSON.stringify(block) })
    else refuse(`${field}.${index}`, `content of type ${shown(block.type)} is not supported`)
  })
  return parts
}

/** @returns undefined if the type is unknown and the part has no text */
function readPart(block: JsonObject, field: string, uses: Set<Feature>): Part | undefined {
  if (isObject(block.prompt_cache_breakpoint)) uses.add('cache_control')
  switch (block.type) {
    case 'input_image':
    case 'image_url':
    case 'computer_screenshot':
      return imagePart(block, field, uses)
    case 'input_file':
    case 'file':
      return filePart(block, field, uses)
    case 'input_audio':
      return audioPart(block, field, uses)
    case 'refusal':
      return { kind: 'text', text: textField(block, 'refusal') ?? '' }
    default: {
      const text = textField(block, 'text')
      if (text === undefined && isTextType(block.type)) refuse(`${field}.text`, 'must be a string')
      return text === undefined ? undefined : { kind: 'text', text }
    }
  }
}

function isTextType(type: unknown): boolean {
  return type === 'input_text' || type === 'output_text' || type === 'text'
}

function imagePart(block: JsonObject, field: string, uses: Set<Feature>): Part {
  const nested = objectField(block, 'image_url')
  const url = textField(block, 'image_url') ?? (nested === undefined ? undefined : textField(nested, 'url'))
  const detail =
    textField(block, 'detail') ?? (nested === undefined ? undefined : textField(nested, 'detail'))
  if (detail !== undefined && detail !== 'auto') uses.add('image_detail')
  const source = sourceOf(url, textField(block, 'file_id'), 'image/png')
  if (source === undefined) refuse(field, 'a readable image_url or a file_id is required')
  uses.add(source.kind === 'data' ? 'image_data' : source.kind === 'url' ? 'image_url' : 'file_id')
  return { kind: 'image', source, detail }
}

function filePart(block: JsonObject, field: string, uses: Set<Feature>): Part {
  const inner = objectField(block, 'file') ?? block
  const name = textField(inner, 'filename')
  const data = textField(inner, 'file_data')
  const source =
    data === undefined
      ? sourceOf(textField(inner, 'file_url'), textField(inner, 'file_id'), mediaTypeOf(name))
      : /^data:/i.test(data)
        ? mediaSource(data, mediaTypeOf(name))
        : { kind: 'data' as const, data, mediaType: mediaTypeOf(name) }
  if (source === undefined) refuse(field, 'a readable file_data, a file_url or a file_id is required')
  uses.add(source.kind === 'data' ? 'document_data' : source.kind === 'url' ? 'document_url' : 'file_id')
  return { kind: 'document', source, name }
}

function audioPart(block: JsonObject, field: string, uses: Set<Feature>): Part {
  const audio = objectField(block, 'input_audio') ?? block
  const data = textField(audio, 'data')
  if (data === undefined) refuse(`${field}.input_audio.data`, 'is required')
  uses.add('audio_input')
  return { kind: 'audio', data, format: textField(audio, 'format') ?? 'wav' }
}

function sourceOf(
  url: string | undefined,
  fileId: string | undefined,
  defaultType: string,
): MediaSource | undefined {
  if (url !== undefined) return mediaSource(url, defaultType)
  return fileId === undefined ? undefined : { kind: 'file', id: fileId }
}

/** OpenAI accepts bare base64 for a file whose name shows its type. */
function mediaTypeOf(name: string | undefined): string {
  if (name === undefined || /\.pdf$/i.test(name)) return 'application/pdf'
  return /\.(?:txt|md|csv|json|xml|html?|log)$/i.test(name) ? 'text/plain' : 'application/octet-stream'
}

function shown(type: unknown): string {
  return typeof type === 'string' ? `"${type.slice(0, 60)}"` : 'unknown'
}
