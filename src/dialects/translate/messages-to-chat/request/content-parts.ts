import type { ChatTraits } from '../../../../endpoints/profiles/chat-shape.ts'
import { type JsonObject, objectField, textField } from '../../../../kernel/json/json-fields.ts'
import { contentBlocks, joinedText } from '../../../hub/parts/blocks.ts'

/** A part of a user's message. */
export type ContentPart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image_url'; readonly image_url: { readonly url: string } }
  | { readonly type: 'file'; readonly file: { readonly filename: string; readonly file_data: string } }

export function textPart(text: string): ContentPart {
  return { type: 'text', text }
}

/** The parts of one block; empty if it has nothing that a model could read. */
export function contentParts(block: JsonObject, traits: Pick<ChatTraits, 'readsFiles'>): ContentPart[] {
  switch (block.type) {
    case 'image':
      return [imagePart(objectField(block, 'source') ?? {})]
    case 'document':
      return documentParts(block, traits)
    case 'search_result':
      return [textPart(searchResult(block))]
    default: {
      const text = textField(block, 'text')
      return text === undefined || text === '' ? [] : [textPart(text)]
    }
  }
}

/** One string if all parts are text, because some templates do not support parts. */
export function messageContent(parts: readonly ContentPart[]): string | readonly ContentPart[] {
  const texts = parts.flatMap((part) => (part.type === 'text' ? part.text : []))
  return texts.length === parts.length ? texts.join('\n\n') : parts
}

function imagePart(source: JsonObject): ContentPart {
  const data = textField(source, 'data')
  const url = textField(source, 'url')
  if (data !== undefined) {
    const mediaType = textField(source, 'media_type') ?? 'image/png'
    return { type: 'image_url', image_url: { url: `data:${mediaType};base64,${data}` } }
  }
  return url === undefined
    ? textPart('[An image stood here that this endpoint has no access to.]')
    : { type: 'image_url', image_url: { url } }
}

function searchResult(block: JsonObject): string {
  const head = [textField(block, 'title'), textField(block, 'source')].filter((text) => text !== undefined)
  return `[Search result: ${head.join(', ')}]\n${joinedText(contentBlocks(block.content))}`
}

/**
 * Translates a document to parts. Text goes into the prompt; a PDF is sent as a file if the endpoint reads files.
 * Otherwise a sentence informs the model. An error would end an agent's conversation for good, because the document
 * stays in it.
 */
function documentParts(block: JsonObject, traits: Pick<ChatTraits, 'readsFiles'>): ContentPart[] {
  const source = objectField(block, 'source') ?? {}
  const title = textField(block, 'title')
  const context = textField(block, 'context')
  const name = title === undefined ? 'Document' : `Document "${title}"`
  const head = textPart(`[${name}]${context === undefined ? '' : `\n${context}`}`)
  const data = textField(source, 'data')
  const mediaType = textField(source, 'media_type') ?? ''
  switch (source.type) {
    case 'text':
      return [head, textPart(data ?? '')]
    case 'content':
      return [head, ...contentBlocks(source.content).flatMap((each) => contentParts(each, traits))]
    case 'base64':
      if (data === undefined) break
      if (mediaType.startsWith('text/')) return [head, textPart(Buffer.from(data, 'base64').toString('utf8'))]
      if (traits.readsFiles) {
        const file = { filename: title ?? 'document.pdf', file_data: `data:${mediaType};base64,${data}` }
        return [{ type: 'file', file }]
      }
      break
  }
  const where = textField(source, 'url')
  return [
    textPart(`[${name}${where === undefined ? '' : ` (${where})`} cannot be read here: tell the user.]`),
  ]
}
