import { Remembered } from '../../../kernel/remembered.ts'

/** The field in which chat servers send thinking. */
export type ReasoningField = 'reasoning_content' | 'reasoning'

/**
 * Thinking must return to an endpoint in the field in which it arrived (DeepSeek's relatives reject a tool result
 * without it). Clients return each thinking block with its signature, so the signature contains the field and a mark of
 * the endpoint. The gateway needs no memory for this, across threads and restarts.
 */
export function thinkingSignature(field: ReasoningField, endpointMark: string): string {
  return endpointMark === '' ? '' : `${field}.${endpointMark}`
}

/** The field that a signature names, if the thinking came from this endpoint. */
export function signedField(
  signature: string | undefined,
  endpointMark: string | undefined,
): ReasoningField | undefined {
  if (!signature || !endpointMark || !signature.endsWith(endpointMark)) return undefined
  if (signature === `reasoning_content.${endpointMark}`) return 'reasoning_content'
  return signature === `reasoning.${endpointMark}` ? 'reasoning' : undefined
}

const fingerprints = new Remembered<string>()

/** An eight-digit hexadecimal hash of a text (FNV-1a, 32 bits). */
export function fingerprint(text: string): string {
  const known = fingerprints.get(text)
  if (known !== undefined) return known
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  }
  const digits = (hash >>> 0).toString(16).padStart(8, '0')
  fingerprints.set(text, digits)
  return digits
}

/** The API from which a signature came. */
export type SigningApi = 'messages' | 'responses'

/**
 * Marks the signature of thinking with the API and the endpoint that made it. Only they can verify it, and they refuse
 * any other.
 */
export function markedSignature(api: SigningApi, endpointMark: string, signature: string): string {
  return signature === '' ? '' : `${api}.${endpointMark}:${signature}`
}

const markOfApi = /^(messages|responses)\.([^:]*):/
const markOfField = /^(?:reasoning_content|reasoning)\./

/**
 * The signature to hand back to an endpoint.
 * @returns undefined if the thinking has none, or one that another API or endpoint made
 */
export function ownSignature(
  signature: string | undefined,
  api: SigningApi,
  endpointMark: string | undefined,
): string | undefined {
  if (signature === undefined || signature === '' || markOfField.test(signature)) return undefined
  const found = markOfApi.exec(signature)
  // Passed through: a client of the same API has it from an endpoint itself.
  if (found === null) return api === 'messages' ? signature : undefined
  const isOwn = found[1] === api && found[2] === (endpointMark ?? '')
  return isOwn ? signature.slice(found[0].length) : undefined
}
