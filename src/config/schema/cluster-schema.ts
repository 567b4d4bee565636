import { Type } from '@sinclair/typebox'
import { Choice, Count, Section, Text, TextList } from './sections.ts'
import { Duration } from './units.ts'

const Secret = (description: string) => Type.Optional(Type.String({ minLength: 1, description }))

export const ClusterSchema = Section(
  {
    redis: Text(
      '',
      'Redis or Valkey server that the replicas share, as `redis://host:6379` or, with TLS, `rediss://…`; empty for one gateway alone.',
    ),
    topology: Choice(
      ['standalone', 'sentinel', 'cluster'] as const,
      'standalone',
      'What `redis` and `nodes` name: one server, sentinels, or nodes of a Redis Cluster.',
    ),
    nodes: TextList([], 'URLs of further sentinels or nodes of a cluster.'),
    sentinel_master: Text('mymaster', 'Name under which sentinels monitor the server.'),
    username: Type.Optional(Type.String({ minLength: 1, description: 'ACL user, if not in the URL.' })),
    password: Secret('Password, if not in the URL.'),
    password_file: Secret('File that contains the password instead.'),
    sentinel_password: Secret('Password of the sentinels.'),
    sentinel_password_file: Secret('File that contains the password of the sentinels instead.'),
    tls: Section(
      {
        ca_file: Text('', 'Certificates (PEM) of authorities to trust; empty for those of the system.'),
        cert_file: Text('', 'Certificate (PEM) of this client.'),
        key_file: Text('', 'Private key (PEM) of this client.'),
        server_name: Text('', 'Name to expect in the certificate; empty for the host of the URL.'),
      },
      'TLS of `rediss://…`.',
    ),
    key_prefix: Type.String({
      default: 'olla',
      pattern: '^[^{}\\s]{1,64}$',
      description: 'Beginning of all keys and channels; gateways with different prefixes share nothing.',
    }),
    replica_id: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9._-]{1,64}$',
        description: 'ID of this replica, different for each. Default: a random one for each start.',
      }),
    ),
    timeout: Duration({
      default: '20ms',
      minimumMs: 1,
      description: 'Maximum time that a request waits for the server.',
    }),
    max_failures: Count(
      3,
      'Consecutive errors and timeouts after which the server counts as away; only trials are sent to it then.',
      { minimum: 1, maximum: 1000 },
    ),
    retry_interval: Duration({
      default: '500ms',
      minimumMs: 10,
      description: 'Interval of trials while the server is away.',
    }),
    heartbeat: Duration({
      default: '400ms',
      minimumMs: 50,
      description: 'Interval at which a replica renews its membership.',
    }),
    member_timeout: Duration({
      default: '1500ms',
      minimumMs: 200,
      description:
        'Time without a heartbeat after which a replica is no member and its places are free; at least twice the heartbeat.',
    }),
    probe: Choice(
      ['shared', 'each'] as const,
      'shared',
      'Whether one replica probes an endpoint for all, or each replica probes every endpoint.',
    ),
  },
  'Several gateways that act as one, through Redis or Valkey (beyond Olla).',
)
