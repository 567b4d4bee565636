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

/** An eight-digit hexadecimal hash of a text (FNV-1a, 32 bits). */
export function fingerprint(text: string): string {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  }
  return (hash >>> 0).toString(16).padStart(8, '0')
}
