import type { JsonObject } from '../../../../kernel/json/json-fields.ts'
import type { DocumentPart, ImagePart, MediaSource, Part } from '../../../hub/contract/conversation.ts'
import { documentText } from '../../../hub/parts/document-text.ts'
import { documentHead, unreadableDocument, unreadableImage } from '../../../hub/parts/prompt-notes.ts'

export type Block = JsonObject & { readonly type: string }

export function textBlock(text: string): Block {
  return { type: 'text', text }
}

/** @param readsFiles whether the endpoint reads documents; their text is sent as text to one that does not */
export function writtenBlocks(parts: readonly Part[], readsFiles: boolean): Block[] {
  const blocks: Block[] = []
  for (const part of parts) {
    if (part.kind === 'text') blocks.push(textBlock(part.text))
    else if (part.kind === 'image') blocks.push(imageBlock(part))
    else if (part.kind === 'document')
      for (const block of documentBlocks(part, readsFiles)) blocks.push(block)
  }
  return blocks
}

/** Content as a string if it is one text, because some servers' templates read no lists. */
export function writtenContent(blocks: readonly Block[]): string | readonly Block[] {
  const [first] = blocks
  return blocks.length === 1 && first?.type === 'text' && typeof first.text === 'string' ? first.text : blocks
}

export function isBlank({ type, text }: Block): boolean {
  return type === 'text' && (typeof text !== 'string' || text.trim() === '')
}

function imageBlock({ source }: ImagePart): Block {
  if (source.kind === 'file') return textBlock(unreadableImage)
  if (source.kind === 'url') return { type: 'image', source: { type: 'url', url: source.url } }
  const { data, mediaType } = source
  // A common spelling that Anthropic's schema does not list.
  const media_type = mediaType === 'image/jpg' ? 'image/jpeg' : mediaType
  return { type: 'image', source: { type: 'base64', media_type, data } }
}

function documentBlocks({ source, name }: DocumentPart, readsFiles: boolean): Block[] {
  const text = documentText(source)
  const title = name === undefined || name === '' ? {} : { title: name }
  if (text !== undefined) {
    const plain = { type: 'text', media_type: 'text/plain', data: text }
    return readsFiles
      ? [{ type: 'document', source: plain, ...title }]
      : [textBlock(documentHead(name)), textBlock(text)]
  }
  const sent = readsFiles ? pdfSource(source) : undefined
  if (sent !== undefined) return [{ type: 'document', source: sent, ...title }]
  return [textBlock(unreadableDocument(name, source.kind === 'url' ? source.url : undefined))]
}

/** Anthropic's API reads PDFs and plain text. */
function pdfSource(source: MediaSource): JsonObject | undefined {
  if (source.kind === 'url') return { type: 'url', url: source.url }
  if (source.kind === 'file' || !isPdf(source.mediaType)) return undefined
  return { type: 'base64', media_type: 'application/pdf', data: source.data }
}

function isPdf(mediaType: string): boolean {
  return mediaType === '' || mediaType === 'application/pdf' || mediaType === 'application/octet-stream'
}
