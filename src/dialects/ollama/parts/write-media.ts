import type { Part } from '../../hub/contract/conversation.ts'

const dataUrl = /^data:[^,]{0,100};base64,/i

/** The text of a message, its parts joined as paragraphs. */
export function textOf(parts: readonly { readonly kind: string; readonly text?: string }[]): string {
  return parts.flatMap(({ kind, text }) => (kind === 'text' && text !== undefined ? text : [])).join('\n\n')
}

/** The base64 of images and sound, which Ollama receives in one field. It fetches no URLs and has no files. */
export function mediaOf(parts: readonly Part[]): string[] {
  return parts.flatMap((part) => {
    if (part.kind === 'audio') return part.data
    if (part.kind !== 'image') return []
    const { source } = part
    if (source.kind === 'data') return source.data
    const prefix = source.kind === 'url' ? dataUrl.exec(source.url.slice(0, 128)) : null
    return source.kind === 'url' && prefix !== null ? source.url.slice(prefix[0].length) : []
  })
}
