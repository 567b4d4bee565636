import type { MediaSource } from '../contract/conversation.ts'

const textType = /^(?:text\/|application\/(?:json|xml|yaml|x-yaml|toml|javascript|typescript|sql|x-sh)\b)/

/** The text of a document that is text; undefined for others. */
export function documentText(source: MediaSource): string | undefined {
  return source.kind === 'data' && textType.test(source.mediaType)
    ? Buffer.from(source.data, 'base64').toString('utf8')
    : undefined
}
