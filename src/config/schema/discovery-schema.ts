import { Type } from '@sinclair/typebox'
import { BreakerSchema, TimeoutsSchema } from './proxy-schema.ts'
import { Choice, Count, FilterSchema, Flag, Fraction, Section, Text } from './sections.ts'
import { Duration } from './units.ts'

const AuthSchema = Section(
  {
    type: Type.Unsafe<'bearer' | 'api_key' | 'basic'>({
      type: 'string',
      enum: ['bearer', 'api_key', 'basic'],
      description: 'bearer: token; api_key: key and header; basic: username and password.',
    }),
    token: Type.Optional(Type.String({ description: 'Bearer token.' })),
    token_file: Type.Optional(Type.String({ description: 'File that holds the token.' })),
    key: Type.Optional(Type.String({ description: 'API key.' })),
    key_file: Type.Optional(Type.String({ description: 'File that holds the key.' })),
    header: Type.Optional(Type.String({ description: 'Header of the key, X-Api-Key by default.' })),
    username: Type.Optional(Type.String({ description: 'User name.' })),
    username_file: Type.Optional(Type.String({ description: 'File that holds the user name.' })),
    password: Type.Optional(Type.String({ description: 'Password.' })),
    password_file: Type.Optional(Type.String({ description: 'File that holds the password.' })),
  },
  'Credentials the gateway sends to this endpoint; `${VAR}` and `${VAR:-default}` are expanded.',
)

export const EndpointSchema = Section(
  {
    url: Type.String({
      minLength: 1,
      description:
        'Base URL without credentials; its query goes with every request, and a `/v1` at its end is understood.',
    }),
    name: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'Name; host:port if absent. A second endpoint of a name gets `-2`.',
      }),
    ),
    type: Text('auto', 'Profile name or URL prefix (`ollama`, `vllm`, `lm-studio`, …) or `auto`.'),
    priority: Count(100, 'Higher is preferred.'),
    weight: Fraction(1, 'Share of requests among endpoints of the same priority (beyond Olla).', {
      maximum: 1000,
    }),
    max_concurrent: Count(0, 'Most requests at a time; 0 is no limit (beyond Olla).'),
    health_check_url: Type.Optional(
      Type.String({ description: "Path or absolute URL; the profile's if absent." }),
    ),
    model_url: Type.Optional(Type.String({ description: "Path or absolute URL; the profile's if absent." })),
    check_interval: Duration({ default: '5s', description: 'Time between probes, at least 1s.' }),
    check_timeout: Duration({
      default: '2s',
      description: 'Limit of one probe: at most 30s and less than the interval.',
    }),
    unhealthy_threshold: Count(
      3,
      'Failed probes in a row that take an endpoint out of service; a refused connection does so at once, and a request that was answered meanwhile outweighs a failed probe (beyond Olla).',
      { minimum: 1, maximum: 100 },
    ),
    preserve_path: Flag(false, "Put the path of `url` before the request's path."),
    model_filter: FilterSchema,
    auth: Type.Optional(AuthSchema),
    headers: Type.Record(Type.String(), Type.String(), {
      default: {},
      description: 'Headers sent with every request, probe and discovery.',
    }),
    timeouts: TimeoutsSchema,
    circuit_breaker: Type.Optional(Type.Partial(BreakerSchema, { additionalProperties: false })),
  },
  'One inference server.',
)

export const DiscoverySchema = Section(
  {
    type: Choice(['static'] as const, 'static', 'Where endpoints come from.'),
    refresh_interval: Duration({
      default: '30s',
      description: 'How often `*_file` secrets are read again and unknown `auto` types are asked again.',
    }),
    static: Section(
      {
        endpoints: Type.Array(EndpointSchema, { default: [], description: 'The inference servers.' }),
      },
      'Endpoints of this file.',
    ),
    model_discovery: Section(
      {
        enabled: Flag(true, 'Ask endpoints for their models.'),
        interval: Duration({ default: '5m', description: "Time between two looks at an endpoint's models." }),
        timeout: Duration({ default: '30s', description: 'Limit of one look.' }),
        concurrent_workers: Count(5, 'Looks at a time.', { minimum: 1, maximum: 1000 }),
        retry_attempts: Count(3, 'Quick repeats of a failed look.', { maximum: 20 }),
        retry_backoff: Duration({
          default: '1s',
          description: 'Base of the jittered exponential wait between repeats.',
        }),
      },
      'Model discovery.',
    ),
    residency_interval: Duration({
      default: '10s',
      description: 'How often endpoints are asked what they hold in memory; 0 never (beyond Olla).',
    }),
    health: Section(
      {
        slow_start: Duration({
          default: '10s',
          description: 'How long a recovered endpoint is `warming`, with a growing share; 0 is off.',
        }),
        busy_threshold: Duration({
          default: '1s',
          description: 'A probe slower than this makes the endpoint `busy`; 0 is off.',
        }),
        jitter: Fraction(0.1, 'Random part of probe intervals.', { maximum: 0.5 }),
        max_backoff: Duration({
          default: 0,
          description:
            'Longest interval between probes of a failing endpoint; 0: never longer than check_interval.',
        }),
        concurrent_probes: Count(10, 'Probes at a time.', { minimum: 1, maximum: 1000 }),
      },
      'Health checks (beyond Olla).',
    ),
  },
  'Endpoints and what is found on them.',
)
