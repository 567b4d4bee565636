import { GatewayError } from '../../kernel/errors.ts'

/** Why a token is not accepted, with what its client may read. No text contains a part of the token. */
export const tokenRefusals = {
  too_long: 'The token is too long.',
  malformed: 'The token is not a valid JWT.',
  algorithm: "The algorithm of the token's signature is not accepted.",
  unknown_key: 'The token is signed with an unknown key.',
  signature: "The token's signature is not valid.",
  issuer: 'The token is of an unknown issuer.',
  audience: 'The token is for another audience.',
  expired: 'The token has expired.',
  not_yet_valid: 'The token is not valid yet.',
  claims: 'The token lacks a claim that names its caller, or an expiry.',
} as const
export type TokenRefusal = keyof typeof tokenRefusals

/** A refused token, as RFC 6750 section 3 describes it. */
export function invalidToken(refusal: TokenRefusal): GatewayError {
  const message = tokenRefusals[refusal]
  const challenge = `Bearer error="invalid_token", error_description="${message}"`
  return new GatewayError('invalid_token', message, {
    headers: ['WWW-Authenticate', challenge],
    details: { reason: refusal },
  })
}

/** A valid token that does not have what the gateway requires. */
export function insufficientToken(): GatewayError {
  const message = 'The token lacks a required claim.'
  const challenge = `Bearer error="insufficient_scope", error_description="${message}"`
  return new GatewayError('forbidden', message, { headers: ['WWW-Authenticate', challenge] })
}
