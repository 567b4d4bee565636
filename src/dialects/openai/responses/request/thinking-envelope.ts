/** Thinking as the client returns it. */
export interface SealedThinking {
  readonly text: string
  /** '' if the thinking has none; see `reasoning-signature.ts`. */
  readonly signature: string
}

/** Version of the envelope. OpenAI's own blobs start with `gAAAAA`. */
const version = 'olla1.'
/** Longest envelope that is opened; longer thinking than this is no thinking of a model. */
const maxLength = 4_194_304

/**
 * The text of a model's thinking as `encrypted_content`. Clients without a store, such as Codex, return only this field
 * (router-for-me/CLIProxyAPI#3451), and models need their earlier thinking. The envelope is not encrypted, because the
 * client sees the thinking anyway.
 */
export function sealThinking({ text, signature }: SealedThinking): string {
  return `${version}${base64url(signature)}.${base64url(text)}`
}

/** @returns undefined for the blob of another server, which only that server can read */
export function openThinking(value: unknown): SealedThinking | undefined {
  if (typeof value !== 'string' || value.length > maxLength || !value.startsWith(version)) return undefined
  const separator = value.indexOf('.', version.length)
  if (separator < 0) return undefined
  const signature = decoded(value.slice(version.length, separator))
  return { signature, text: decoded(value.slice(separator + 1)) }
}

function base64url(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64url')
}

function decoded(text: string): string {
  return Buffer.from(text, 'base64url').toString('utf8')
}

/** A summary of a conversation as the message of a user. */
export function summaryMessage(text: string): string {
  return `[Summary of the conversation so far]\n${text}`
}
