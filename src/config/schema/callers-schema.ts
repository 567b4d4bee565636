import { type Static, Type } from '@sinclair/typebox'
import { JwtSchema, TrustedHeaderSchema } from './identity-schema.ts'
import { Choice, Count, FilterSchema, Flag, Fraction, Section, Text, TextList } from './sections.ts'
import { Duration } from './units.ts'
import { WebhookSchema } from './webhooks-schema.ts'

const names = { minLength: 1, maxLength: 128 }
const Name = (description: string) => Type.String({ ...names, description })

export const apiNames = ['openai', 'anthropic', 'ollama'] as const

/** What a caller may use. The same form in the file, in the store and in the admin routes. */
export const PolicySchema = Section(
  {
    models: FilterSchema,
    endpoints: FilterSchema,
    endpoint_tags: TextList([], 'Tags of endpoints that may be used, in addition to `endpoints.include`.'),
    dialects: Type.Array(Type.Unsafe<(typeof apiNames)[number]>({ type: 'string', enum: [...apiNames] }), {
      default: [],
      description: 'APIs that may be used; empty allows all.',
    }),
    routes: TextList(
      [],
      'Globs of paths (`/v1/chat/*`), with or without the prefix of the route; empty allows all.',
    ),
    networks: TextList([], 'Networks (CIDR) that the client must be in; empty allows all.'),
    defaults: Type.Record(Type.String(), Type.Unknown(), {
      default: {},
      description: 'Parameters that requests get if they do not have them.',
    }),
    caps: Type.Record(Type.String(), Type.Number(), {
      default: {},
      description:
        'Maximum values of numeric parameters; `max_tokens` stands for the name that each API has for it.',
    }),
    priority: Choice(['high', 'normal', 'low'] as const, 'normal', 'Class in the waiting line.'),
    weight: Fraction(1, 'Share within the class.', { maximum: 1000 }),
  },
  'What a caller may use; what is not named is allowed.',
)

/** What the cells of limits can count. */
const maxCount = 10 ** 12

const TokensSchema = (period: string) =>
  Section(
    {
      prompt: Count(0, 'Prompt tokens; 0 is unlimited.', { maximum: maxCount }),
      completion: Count(0, 'Completion tokens; 0 is unlimited.', { maximum: maxCount }),
      total: Count(0, 'Prompt and completion tokens together; 0 is unlimited.', { maximum: maxCount }),
    },
    `Tokens ${period}.`,
  )

export const BudgetSchema = Section(
  {
    amount: Type.Number({ exclusiveMinimum: 0, description: 'Amount in `unit`.' }),
    unit: Choice(['money', 'tokens'] as const, 'money', 'Money is counted by the price table.'),
    period: Choice(['hour', 'day', 'week', 'month', 'ever'] as const, 'month', 'Time that it is for.'),
    window: Choice(
      ['calendar', 'rolling'] as const,
      'calendar',
      'Whether it starts with the calendar or moves.',
    ),
    soft: Fraction(0, 'Share of it at which the gateway warns, by header and event; 0 is never.', {
      maximum: 1,
    }),
  },
  'A budget.',
)

/** How much a key, an owner or a team may use. */
export const LimitsSchema = Section(
  {
    requests_per_minute: Count(0, 'Requests per minute; 0 is unlimited.', { maximum: maxCount }),
    tokens_per_minute: TokensSchema('per minute'),
    tokens_per_day: TokensSchema('per day'),
    max_concurrent: Count(0, 'Requests at a time; 0 is unlimited.', { maximum: 1_000_000 }),
    soft: Fraction(
      0,
      'Share of the limits per minute and per day at which the gateway warns, by header and event; 0 is never.',
      { maximum: 1 },
    ),
    budgets: Type.Array(BudgetSchema, { default: [], description: 'Budgets; all of them apply.' }),
  },
  'How much may be used.',
)

/** What models cost. */
export const PriceSchema = Section(
  {
    models: Type.Array(Type.String({ minLength: 1 }), {
      minItems: 1,
      description: 'Globs (`*`, `?`) of names, as clients send them.',
    }),
    input: Fraction(0, 'Per million prompt tokens.'),
    cached_input: Type.Optional(
      Type.Number({
        minimum: 0,
        description: 'Per million prompt tokens from a cache. Default: as `input`.',
      }),
    ),
    output: Fraction(0, 'Per million completion tokens.'),
    request: Fraction(0, 'Per request that is answered.'),
    audio_second: Fraction(0, 'Per second of audio that is transcribed or translated.'),
  },
  'The price of some models.',
)

const subject = {
  name: Name('Unique name.'),
  enabled: Flag(true, 'A disabled one refuses every request.'),
  metadata: Type.Record(Type.String(), Type.String(), { default: {}, description: 'Free text by name.' }),
  limits: LimitsSchema,
}

export const ConfigKeySchema = Section(
  {
    ...subject,
    hash: Type.String({
      pattern: '^hmac-sha256:[A-Za-z0-9_-]{43}$',
      description: 'Hash of the key, as `olla-gateway keys create --hash` prints it.',
    }),
    owner: Type.Optional(Name('Owner of the key.')),
    team: Type.Optional(Name('Team of the key.')),
    expires: Type.Optional(Type.String({ description: 'Time (RFC 3339) from which the key is refused.' })),
    policy: PolicySchema,
  },
  'A key.',
)

export const ConfigTeamSchema = Section({ ...subject, policy: PolicySchema }, 'A team.')
export const ConfigOwnerSchema = Section(subject, 'An owner of keys.')

export const LedgerSchema = Section(
  {
    enabled: Flag(true, 'Count in the store what callers use; without a `store` there is no ledger.'),
    hourly_days: Count(90, 'Days for which use is kept by hour; 0 is for ever.'),
    daily_days: Count(0, 'Days for which use is kept by day; 0 is for ever.'),
    exposed_keys: Count(
      100,
      'Keys, and teams, with metrics of their own; others share one with the name `(other)`. 0 exposes none.',
      { maximum: 10_000 },
    ),
  },
  'What callers have used, by hour and by day (UTC).',
)

export const minSecretLength = 32

export const CallersSchema = Section(
  {
    enabled: Type.Optional(
      Type.Boolean({
        description:
          'Require a key, token or trusted header of every client. Default: whether one of these is configured.',
      }),
    ),
    store: Text(
      '',
      'Where keys made at run time are kept: a SQLite file, or `postgres://…` for several gateways; empty for none.',
    ),
    secret: Type.Optional(
      Type.String({
        minLength: minSecretLength,
        description: 'Secret with which keys are hashed. All gateways that share keys need the same.',
      }),
    ),
    secret_file: Type.Optional(
      Type.String({
        description:
          'File that contains the secret instead. Default with a SQLite store: `<store>.secret`, created if absent.',
      }),
    ),
    wrong_keys_per_minute: Count(60, 'Wrong keys that one client address may present; 0 is unlimited.'),
    refresh_interval: Duration({
      default: '500ms',
      description: 'Interval at which changes by other gateways and commands are read from the store.',
    }),
    ledger: LedgerSchema,
    time_zone: Text('UTC', 'Time zone (IANA) of budgets that start with the calendar.'),
    prices: Type.Array(PriceSchema, {
      default: [],
      description:
        'Prices of models, in one currency; the first entry that matches counts. A budget in money refuses models without a price.',
    }),
    keys: Type.Array(ConfigKeySchema, {
      default: [],
      description: 'Keys by their hash, in addition to the store.',
    }),
    teams: Type.Array(ConfigTeamSchema, { default: [], description: 'Teams, in addition to the store.' }),
    owners: Type.Array(ConfigOwnerSchema, {
      default: [],
      description: 'Owners with limits, in addition to the store.',
    }),
    jwt: JwtSchema,
    trusted_header: TrustedHeaderSchema,
    webhooks: Type.Array(WebhookSchema, { default: [], description: 'URLs that get events of callers.' }),
  },
  'Keys of clients, and what they may use (beyond Olla).',
)

export type Policy = Static<typeof PolicySchema>
export type Limits = Static<typeof LimitsSchema>
export type Budget = Static<typeof BudgetSchema>
export type ConfigKey = Static<typeof ConfigKeySchema>
