import type { Part } from '../../hub/contract/conversation.ts'
import { documentText } from '../../hub/parts/document-text.ts'
import { documentHead, unreadableDocument, unreadableImage } from '../../hub/parts/prompt-notes.ts'

const dataUrl = /^data:[^,]{0,100};base64,/i

/** The text of a message, its parts joined as paragraphs, with a sentence for what Ollama cannot read. */
export function textOf(parts: readonly Part[]): string {
  return parts
    .map(textOfPart)
    .filter((text) => text !== '')
    .join('\n\n')
}

function textOfPart(part: Part): string {
  switch (part.kind) {
    case 'text':
      return part.text
    case 'audio':
      return ''
    case 'image':
      return mediaOf(part) === undefined ? unreadableImage : ''
    case 'document': {
      const { source, name } = part
      const text = documentText(source)
      return text === undefined
        ? unreadableDocument(name, source.kind === 'url' ? source.url : undefined)
        : `${documentHead(name)}\n\n${text}`
    }
  }
}

/**
 * The base64 of an image or of sound, which Ollama receives in one field.
 * @returns undefined for other parts, and for images elsewhere: Ollama fetches no URLs and has no files
 */
export function mediaOf(part: Part): string | undefined {
  if (part.kind === 'audio') return part.data
  if (part.kind !== 'image') return undefined
  const { source } = part
  if (source.kind === 'data') return source.data
  const prefix = source.kind === 'url' ? dataUrl.exec(source.url.slice(0, 128)) : null
  return source.kind === 'url' && prefix !== null ? source.url.slice(prefix[0].length) : undefined
}

/** `images` of a message; nothing if it has none. */
export function imagesMember(parts: readonly Part[]): { readonly images?: readonly string[] } {
  const images = parts.map(mediaOf).filter((data) => data !== undefined)
  return images.length === 0 ? {} : { images }
}
