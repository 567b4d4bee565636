import { type IssuerConfig, IssuerSchema } from '../schema/identity-schema.ts'
import { type OptionsOf, optionsOf } from './options.ts'

/** An issuer of tokens, in the form that code uses. */
export type IssuerOptions = OptionsOf<typeof IssuerSchema>

/** One issuer, or a list of several. */
export type JwtConfig = IssuerConfig | readonly IssuerConfig[]

/** The issuers whose tokens are accepted. */
export function issuersOf(jwt: JwtConfig): readonly IssuerConfig[] {
  return listed(jwt).filter(({ issuer }) => issuer !== '')
}

/** The same in the form that code uses. */
export function issuerOptions(jwt: JwtConfig): IssuerOptions[] {
  return issuersOf(jwt).map((each) => optionsOf(IssuerSchema, each))
}

/** All entries, also those without an issuer. */
export function listed(jwt: JwtConfig): readonly IssuerConfig[] {
  return 'issuer' in jwt ? [jwt] : jwt
}
