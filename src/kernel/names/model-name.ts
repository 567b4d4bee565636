import { GatewayError } from '../errors.ts'

/** Maximum length of a model name in characters: names appear in headers, metrics, logs and every list. */
export const maxModelNameLength = 512

/** Maximum bytes of a name in JSON text, where each character may be a six-byte escape, and its quotes. */
export const maxModelNameBytes = 6 * maxModelNameLength + 2

/** @throws GatewayError `invalid_request` if the name is too long */
export function checkModelName(name: string): void {
  if (name.length > maxModelNameLength) refuseModelName()
}

export function refuseModelName(): never {
  throw new GatewayError(
    'invalid_request',
    `The name of the model is longer than ${maxModelNameLength} characters.`,
  )
}
