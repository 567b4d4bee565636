import { GatewayError } from '../errors.ts'

/** Longest name of a model, in characters: names stand in headers, metrics, logs and every list. */
export const maxModelNameLength = 512

/** As many bytes as the longest name can take in a JSON text: each character may be escaped, in six. */
export const maxModelNameBytes = 6 * maxModelNameLength + 2

/** @throws GatewayError invalid_request where the name is too long */
export function checkModelName(name: string): void {
  if (name.length > maxModelNameLength) refuseModelName()
}

export function refuseModelName(): never {
  throw new GatewayError(
    'invalid_request',
    `The name of the model is longer than ${maxModelNameLength} characters.`,
  )
}
