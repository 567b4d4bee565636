import { Type } from '@sinclair/typebox'
import { ProviderSchema } from './providers-schema.ts'
import { BreakerSchema, TimeoutsSchema } from './proxy-schema.ts'
import { Choice, Count, FilterSchema, Flag, Fraction, Section, Text, TextList } from './sections.ts'
import { SignalSourceSchema, SignalsSchema } from './signals-schema.ts'
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
  'Credentials that the gateway sends to this endpoint; `${VAR}` and `${VAR:-default}` are expanded.',
)

export const EndpointSchema = Section(
  {
    url: Type.String({
      minLength: 1,
      description:
        'Base URL without credentials; its query is added to every request, and a trailing `/v1` is allowed.',
    }),
    name: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'Name; host:port if absent. A second endpoint with the same name gets the suffix `-2`.',
      }),
    ),
    type: Text('auto', 'Profile name or URL prefix (`ollama`, `vllm`, `lm-studio`, …) or `auto`.'),
    tags: TextList([], 'Tags by which policies of callers name it (beyond Olla).'),
    priority: Count(100, 'Higher is preferred.'),
    weight: Fraction(1, 'Share of requests among endpoints of the same priority (beyond Olla).', {
      maximum: 1000,
    }),
    max_concurrent: Count(0, 'Maximum concurrent requests; 0 means no limit (beyond Olla).'),
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
      'Consecutive failed probes that take an endpoint out of service; a refused connection does so at once, and a successful request since then outweighs a failed probe (beyond Olla).',
      { minimum: 1, maximum: 100 },
    ),
    preserve_path: Flag(false, "Prepend the path of `url` to the request's path."),
    model_filter: FilterSchema,
    auth: Type.Optional(AuthSchema),
    headers: Type.Record(Type.String(), Type.String(), {
      default: {},
      description: 'Headers of every request, probe and discovery request.',
    }),
    timeouts: TimeoutsSchema,
    circuit_breaker: Type.Optional(Type.Partial(BreakerSchema, { additionalProperties: false })),
    mac: Type.Optional(
      Type.String({
        pattern: '^[0-9A-Fa-f]{2}(?:([:-]?)[0-9A-Fa-f]{2})(?:\\1[0-9A-Fa-f]{2}){4}$',
        description:
          'Hardware address of its machine, as `a0:b1:c2:d3:e4:f5`: a request that needs the endpoint while it is down wakes it (Wake-on-LAN; beyond Olla).',
      }),
    ),
    wake: Section(
      {
        address: Text(
          '255.255.255.255',
          'Where the magic packet goes: the broadcast address of a network, or one machine.',
        ),
        port: Count(9, 'UDP port.', { minimum: 1, maximum: 65_535 }),
        wait: Duration({
          default: '60s',
          description: 'Maximum time that a request waits for the endpoint; then it fails.',
        }),
        interval: Duration({
          default: '15s',
          minimumMs: 1000,
          description: 'Minimum time between two packets, at least 1s.',
        }),
      },
      'How an endpoint with `mac` is woken (beyond Olla).',
    ),
    signals: Type.Optional(
      Type.Array(SignalSourceSchema, {
        maxItems: 8,
        description:
          "Where the engine reports its load; the profile's if absent, nowhere if empty (beyond Olla).",
      }),
    ),
  },
  'One inference server.',
)

export const DiscoverySchema = Section(
  {
    type: Choice(['static'] as const, 'static', 'Where endpoints come from.'),
    refresh_interval: Duration({
      default: '30s',
      description:
        'Interval at which `*_file` secrets are read again and endpoints of type `auto` that are still unknown are detected again.',
    }),
    static: Section(
      {
        endpoints: Type.Array(EndpointSchema, { default: [], description: 'The inference servers.' }),
      },
      'Endpoints in this file.',
    ),
    providers: Type.Array(ProviderSchema, {
      default: [],
      maxItems: 100,
      description: 'Further sources of endpoints, all at once (beyond Olla).',
    }),
    model_discovery: Section(
      {
        enabled: Flag(true, 'Query endpoints for their models.'),
        interval: Duration({
          default: '5m',
          description: "Time between two queries of an endpoint's models.",
        }),
        timeout: Duration({ default: '30s', description: 'Limit of one query.' }),
        concurrent_workers: Count(5, 'Maximum concurrent queries.', { minimum: 1, maximum: 1000 }),
        retry_attempts: Count(3, 'Quick retries of a failed query.', { maximum: 20 }),
        retry_backoff: Duration({
          default: '1s',
          description: 'Base of the jittered exponential backoff between retries.',
        }),
      },
      'Model discovery.',
    ),
    drain_timeout: Duration({
      default: '10m',
      description:
        'Maximum time for which requests at an endpoint that was removed from the configuration continue; then they are ended. 0 means no limit (beyond Olla).',
    }),
    spare_endpoints: Count(
      256,
      'Endpoints beyond those of the start that may be added without a restart (beyond Olla).',
      { maximum: 10_000 },
    ),
    residency_interval: Duration({
      default: '10s',
      description:
        'Interval at which endpoints are queried for the models in their memory; 0 means never (beyond Olla).',
    }),
    signals: SignalsSchema,
    health: Section(
      {
        slow_start: Duration({
          default: '10s',
          description:
            'Time for which a recovered endpoint is `warming`, with a growing share of requests; 0 disables it.',
        }),
        busy_threshold: Duration({
          default: '1s',
          description: 'A probe slower than this makes the endpoint `busy`; 0 disables it.',
        }),
        jitter: Fraction(
          0.1,
          'Random fraction of probe intervals; unless it is 0, the first interval after the start is spread more.',
          { maximum: 0.5 },
        ),
        max_backoff: Duration({
          default: 0,
          description:
            'Maximum interval between probes of a failing endpoint; 0: never longer than check_interval.',
        }),
        concurrent_probes: Count(10, 'Maximum concurrent probes.', { minimum: 1, maximum: 1000 }),
      },
      'Health checks (beyond Olla).',
    ),
  },
  'Endpoints, model discovery and health checks.',
)
