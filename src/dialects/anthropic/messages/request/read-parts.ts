import { type JsonObject, objectField, textField } from '../../../../kernel/json/json-fields.ts'
import type { MediaSource, Part, TextPart, ToolResult } from '../../../hub/contract/conversation.ts'
import type { Feature } from '../../../hub/contract/features.ts'
import { contentBlocks, joinedText } from '../../../hub/parts/blocks.ts'
import { documentHead, unreadableDocument, unreadableImage } from '../../../hub/parts/prompt-notes.ts'

/** Reads one block of a user's message; empty if it has nothing that a model could read. */
export function readParts(block: JsonObject, uses: Set<Feature>): Part[] {
  if (block.cache_control !== undefined) uses.add('cache_control')
  switch (block.type) {
    case 'image':
      return [imagePart(objectField(block, 'source') ?? {}, uses)]
    case 'document':
      return documentParts(block, uses)
    case 'search_result':
      return [textPart(searchResult(block))]
    default: {
      const text = textField(block, 'text')
      return text === undefined || text === '' ? [] : [textPart(text)]
    }
  }
}

/** Unknown blocks in a result become JSON text, so that no result is lost. */
export function readResult(block: JsonObject, uses: Set<Feature>): ToolResult {
  const { content } = block
  const parts: Part[] = []
  if (typeof content === 'string') {
    if (content !== '') parts.push(textPart(content))
  } else
    for (const each of contentBlocks(content)) {
      const read = readParts(each, uses)
      if (read.length === 0 && each.type !== 'text') parts.push(textPart(JSON.stringify(each)))
      for (const part of read) {
        if (part.kind === 'image') uses.add('tool_result_image')
        parts.push(part)
      }
    }
  const isError = block.is_error === true
  if (isError) uses.add('tool_result_error')
  return { callId: textField(block, 'tool_use_id') ?? '', parts, isError }
}

function textPart(text: string): TextPart {
  return { kind: 'text', text }
}

/** Reads clients that omit the source's type. */
function imagePart(source: JsonObject, uses: Set<Feature>): Part {
  const data = textField(source, 'data')
  const url = textField(source, 'url')
  const id = textField(source, 'file_id')
  if (data !== undefined) {
    uses.add('image_data')
    return {
      kind: 'image',
      source: { kind: 'data', data, mediaType: textField(source, 'media_type') ?? 'image/png' },
    }
  }
  if (url !== undefined) {
    uses.add('image_url')
    return { kind: 'image', source: { kind: 'url', url } }
  }
  if (id === undefined) return textPart(unreadableImage)
  uses.add('file_id')
  return { kind: 'image', source: { kind: 'file', id } }
}

function searchResult(block: JsonObject): string {
  const head = [textField(block, 'title'), textField(block, 'source')].filter((text) => text !== undefined)
  return `[Search result: ${head.join(', ')}]\n${joinedText(contentBlocks(block.content))}`
}

/** The text of a document becomes part of the prompt; other documents stay documents. */
function documentParts(block: JsonObject, uses: Set<Feature>): Part[] {
  const source = objectField(block, 'source') ?? {}
  const name = textField(block, 'title')
  if (objectField(block, 'citations')?.enabled === true) uses.add('citations')
  const text = documentText(source, uses)
  if (text !== undefined) {
    const context = textField(block, 'context')
    const head = documentHead(name)
    return [textPart(context === undefined ? head : `${head}\n${context}`), ...text]
  }
  const media = mediaSource(source, uses)
  return [
    media === undefined ? textPart(unreadableDocument(name)) : { kind: 'document', source: media, name },
  ]
}

function documentText(source: JsonObject, uses: Set<Feature>): Part[] | undefined {
  const data = textField(source, 'data') ?? ''
  switch (source.type) {
    case 'text':
      return data === '' ? [] : [textPart(data)]
    case 'content':
      return contentBlocks(source.content).flatMap((each) => readParts(each, uses))
    case 'base64':
      return textField(source, 'media_type')?.startsWith('text/') === true && data !== ''
        ? [textPart(Buffer.from(data, 'base64').toString('utf8'))]
        : undefined
    default:
      return undefined
  }
}

function mediaSource(source: JsonObject, uses: Set<Feature>): MediaSource | undefined {
  const data = textField(source, 'data')
  const url = textField(source, 'url')
  const id = textField(source, 'file_id')
  if (data !== undefined && source.type === 'base64') {
    uses.add('document_data')
    return { kind: 'data', data, mediaType: textField(source, 'media_type') ?? '' }
  }
  if (url !== undefined) {
    uses.add('document_url')
    return { kind: 'url', url }
  }
  if (id === undefined) return undefined
  uses.add('file_id')
  return { kind: 'file', id }
}
