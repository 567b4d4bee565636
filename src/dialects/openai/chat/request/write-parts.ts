import type { ChatTraits } from '../../../../endpoints/profiles/chat-shape.ts'
import type { DocumentPart, ImagePart, Part } from '../../../hub/contract/conversation.ts'
import { documentHead, unreadableDocument, unreadableImage } from '../../../hub/parts/prompt-notes.ts'

/** A part of a user's message. */
export type ContentPart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image_url'; readonly image_url: { readonly url: string; readonly detail?: string } }
  | { readonly type: 'input_audio'; readonly input_audio: { readonly data: string; readonly format: string } }
  | { readonly type: 'file'; readonly file: { readonly filename: string; readonly file_data: string } }

export function textPart(text: string): ContentPart {
  return { type: 'text', text }
}

export function contentPart(part: Part, traits: Pick<ChatTraits, 'readsFiles'>): ContentPart {
  switch (part.kind) {
    case 'text':
      return textPart(part.text)
    case 'image':
      return imagePart(part)
    case 'audio':
      return { type: 'input_audio', input_audio: { data: part.data, format: part.format } }
    case 'document':
      return documentPart(part, traits)
  }
}

/** One string if all parts are text, because some templates do not support parts. */
export function messageContent(parts: readonly ContentPart[]): string | readonly ContentPart[] {
  const [first] = parts
  if (parts.length === 1 && first?.type === 'text') return first.text
  const texts: string[] = []
  for (const part of parts) {
    if (part.type !== 'text') return parts
    texts.push(part.text)
  }
  return texts.join('\n\n')
}

function imagePart({ source, detail }: ImagePart): ContentPart {
  if (source.kind === 'file') return textPart(unreadableImage)
  const url = source.kind === 'url' ? source.url : `data:${source.mediaType};base64,${source.data}`
  return { type: 'image_url', image_url: detail === undefined ? { url } : { url, detail } }
}

/** Text goes into the prompt; a PDF is sent as a file if the endpoint reads files, else a sentence replaces it. */
function documentPart(
  { source, name }: DocumentPart,
  { readsFiles }: Pick<ChatTraits, 'readsFiles'>,
): ContentPart {
  if (source.kind !== 'data') {
    return textPart(unreadableDocument(name, source.kind === 'url' ? source.url : undefined))
  }
  const { data, mediaType } = source
  if (mediaType.startsWith('text/') || mediaType.startsWith('application/json'))
    return textPart(`${documentHead(name)}\n\n${Buffer.from(data, 'base64').toString('utf8')}`)
  if (!readsFiles) return textPart(unreadableDocument(name))
  const file = { filename: name ?? 'document.pdf', file_data: `data:${mediaType};base64,${data}` }
  return { type: 'file', file }
}
