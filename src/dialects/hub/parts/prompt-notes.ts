/**
 * Sentences that the gateway adds to a prompt for content that an API cannot express. A sentence serves an agent better
 * than an error: the content stays in its history, so an error would end its conversation permanently.
 */

/** Replaces an image that the endpoint cannot fetch, such as one in the file store of another server. */
export const unreadableImage = '[An image stood here that this endpoint has no access to.]'

/**
 * Replaces a document that the endpoint cannot read.
 * @param url where the document is, if the client gives it
 */
export function unreadableDocument(name: string | undefined, url?: string): string {
  return `[${documentTitle(name)}${url === undefined ? '' : ` (${url})`} cannot be read here: tell the user.]`
}

/** Introduces the text of a document. */
export function documentHead(name: string | undefined): string {
  return `[${documentTitle(name)}]`
}

function documentTitle(name: string | undefined): string {
  return name === undefined ? 'Document' : `Document "${name}"`
}

/**
 * A system message after the beginning, as part of the user's message: many chat templates accept a system message only
 * at the beginning, and moving it there would change the prompt prefix in the endpoint's cache.
 */
export function systemReminder(text: string): string {
  return `<system-reminder>\n${text}\n</system-reminder>`
}

/** The text of a failed tool result, for APIs that have no field for failures. */
export function failedResult(text: string): string {
  return /^error/i.test(text) ? text : `Error: ${text}`
}
