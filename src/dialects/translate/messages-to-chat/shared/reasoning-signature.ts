/** Where chat servers send what a model thinks. */
export type ReasoningField = 'reasoning_content' | 'reasoning'

/**
 * Thinking must go back to an endpoint under the name under which it came (DeepSeek's kin refuse a tool result
 * without it). Clients return each thinking block with its signature, so the name stands there, together with a
 * mark of the endpoint: nothing has to be remembered, on any thread and after a restart.
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

/** Eight hexadecimal digits that stand for a text (FNV-1a, 32 bits). */
export function fingerprint(text: string): string {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  }
  return (hash >>> 0).toString(16).padStart(8, '0')
}
