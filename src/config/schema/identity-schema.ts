import { type Static, Type } from '@sinclair/typebox'
import { Count, Flag, Section, Text, TextList } from './sections.ts'
import { Duration } from './units.ts'

/** Asymmetric algorithms of JWS (RFC 7518, RFC 8037): with a symmetric one, the public keys would sign tokens. */
export const tokenAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const
export type TokenAlgorithm = (typeof tokenAlgorithms)[number]

/** How groups that a caller has elsewhere become its team here. */
const teams = {
  teams: Type.Record(Type.String(), Type.String(), {
    default: {},
    description:
      'Teams by the name of a group; any other group is the team of its own name, if there is one.',
  }),
  default_team: Type.Optional(
    Type.String({ minLength: 1, description: 'Team of callers that have none by their groups.' }),
  ),
  require_team: Flag(false, 'Refuse callers without a team.'),
}

const ClaimsSchema = Section(
  {
    id: Text('sub', 'The ID, which must never change or be used again.'),
    name: Text('', 'The name in lines, views and metrics; empty for the ID.'),
    owner: Text('', 'The owner, whose limits apply; empty for the ID.'),
    team: Text('groups', 'The groups, a text or a list; the first that is a team counts. Empty for none.'),
  },
  'Claims that name the caller; `a.b` is the claim `b` of the claim `a`.',
)

const ClaimValue = Type.Union([Type.String(), Type.Number(), Type.Boolean()])

export const IssuerSchema = Section(
  {
    name: Text(
      '',
      'Name that precedes the IDs of its callers, so that two issuers may use the same; of several, one may be without.',
    ),
    issuer: Text('', 'Issuer (`iss`) of the tokens, and where its keys are discovered; empty for no tokens.'),
    audience: TextList([], 'Accepted audiences (`aud`); at least one is needed.'),
    jwks_url: Type.Optional(
      Type.String({ description: "URL of the issuer's keys (JWKS) in place of discovery." }),
    ),
    algorithms: Type.Array(Type.Unsafe<TokenAlgorithm>({ type: 'string', enum: [...tokenAlgorithms] }), {
      default: [...tokenAlgorithms],
      minItems: 1,
      description: 'Accepted algorithms of signatures.',
    }),
    clock_tolerance: Duration({ default: '30s', description: 'Accepted difference of the clocks.' }),
    required_claims: Type.Record(Type.String(), Type.Union([ClaimValue, Type.Array(ClaimValue)]), {
      default: {},
      description:
        'Values that claims must have, or contain if they are lists or words (`scope`); of a list, any one. `*` is any value.',
    }),
    claims: ClaimsSchema,
    ...teams,
    refresh_interval: Duration({
      default: '10m',
      minimumMs: 1,
      description: 'Interval at which the keys are fetched again.',
    }),
    refetch_interval: Duration({
      default: '10s',
      minimumMs: 1,
      description: 'Minimum time between fetches for tokens that are signed with an unknown key.',
    }),
    stale_limit: Duration({
      default: '24h',
      minimumMs: 1,
      description: 'Time for which the last keys are used while the issuer is away.',
    }),
    fetch_timeout: Duration({
      default: '5s',
      minimumMs: 1,
      description: 'Maximum time of a fetch of the keys.',
    }),
    max_cached_tokens: Count(10_000, 'Maximum verified tokens that each thread remembers.', { minimum: 1 }),
  },
  'Callers with a token (JWT) of an OIDC provider.',
)
export type IssuerConfig = Static<typeof IssuerSchema>

export const JwtSchema = Type.Union([IssuerSchema, Type.Array(IssuerSchema, { maxItems: 20 })], {
  default: {},
  description: 'Callers with a token (JWT) of an OIDC provider, or of several: a list of them.',
})

export const TrustedHeaderSchema = Section(
  {
    networks: TextList([], 'Networks (CIDR) of the proxies whose header names callers; empty for none.'),
    user: Text('X-Forwarded-User', 'Header with the name of the caller.'),
    groups: Text('', 'Header with its groups, separated by commas; empty for none.'),
    ...teams,
    forward: Flag(false, 'Send both headers to endpoints, if they are from these proxies.'),
  },
  'Callers that a proxy names in a header.',
)
