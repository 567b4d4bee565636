import { Type } from '@sinclair/typebox'
import { Choice, Count, Flag, Fraction, Section, Text, TextList } from './sections.ts'
import { BufferedBytes, Bytes, Connections, Duration, Seconds, Threads } from './units.ts'

export const ServerSchema = Section(
  {
    host: Text('localhost', 'Address to listen on.'),
    port: Count(40114, 'Port to listen on; 0 selects a free one.', { maximum: 65535 }),
    threads: Threads({
      default: 1,
      description:
        'Serving threads on one port; `auto` uses as many as the machine runs in parallel. With more than one, an additional thread probes and discovers for all; if the system cannot share a port (Linux can), one thread serves (beyond Olla).',
    }),
    http_server: Choice(
      ['own', 'node'] as const,
      'own',
      "own: a parser of the gateway reads plain requests at half the cost of Node's, and Node's server handles all others; node: Node's server handles everything (beyond Olla).",
    ),
    max_connections: Connections({
      default: 'auto',
      description:
        'Maximum client connections of all threads; at the limit accepting pauses and further connections wait in the queue of the system. `auto` uses half of the file descriptors that are free at the start; 0 means no limit (beyond Olla).',
    }),
    tcp_keep_alive: Duration({
      default: '15s',
      description:
        'Silence after which the system probes every second whether a client is still connected, and ends the connection after ten probes; 0 disables probes (beyond Olla).',
    }),
    tcp_user_timeout: Duration({
      default: '1m',
      description:
        'Time without an acknowledgement after which a client counts as vanished (Linux; checked every ten seconds at most); 0 leaves it to the system (beyond Olla).',
    }),
    allow_half_open: Flag(
      false,
      'Respond to clients that have closed their side after the request; otherwise this cancels the request, as in Olla and nginx (beyond Olla).',
    ),
    read_timeout: Duration({
      default: '30s',
      description:
        'Maximum time to receive the body of a request; 0 means no limit. A body that brings at least 1 KiB for each second of this time gets the same time again, so that uploads of any size arrive.',
    }),
    read_header_timeout: Duration({
      default: '10s',
      description: 'Maximum time to receive the request headers.',
    }),
    write_timeout: Duration({
      default: 0,
      description: 'Maximum time to respond to a request; 0 (for streams) means no limit.',
    }),
    idle_timeout: Duration({
      default: 0,
      description: 'Keep-alive time of an idle connection; 0 uses read_timeout.',
    }),
    shutdown_timeout: Duration({
      default: '10s',
      description: 'Maximum time for which in-flight requests continue after a stop signal.',
    }),
    shutdown_delay: Duration({
      default: 0,
      description:
        'Time between "not ready" and closing the port, in which the gateway serves all requests, for a load balancer in front (beyond Olla).',
    }),
    browser_check: Flag(
      true,
      'Reject requests that browsers send for pages of other sites, unless `cors` allows the origin, and requests to a host name that DNS rebinding points here. Pages of programs on this machine are allowed, as with Ollama (beyond Olla).',
    ),
    allowed_hosts: TextList(
      [],
      'Public host names under which browsers on this machine, or proxies that add no forwarding headers, reach the gateway; `*` allows all. The hosts in `dashboard.access_policy` are allowed too (beyond Olla).',
    ),
    watchdog_timeout: Duration({
      default: '5s',
      description:
        'Time after which an unresponsive thread is terminated: a serving thread is replaced; if it is the main thread, the process exits. At least 1s; 0 disables the watchdog (beyond Olla).',
    }),
    watch_config: Type.Optional(
      Type.Boolean({
        description:
          'Apply changes of the configuration file as they happen. If absent, only for a file that was named (`-c`, `OLLA_CONFIG_FILE`) (beyond Olla).',
      }),
    ),
    state_file: Text(
      '',
      'File that keeps what operators change by `/internal/admin`: endpoints, aliases, the log level and limits; if empty, that lasts until the gateway stops (beyond Olla).',
    ),
    request_logging: Flag(true, 'Log one line per request.'),
    request_limits: Section(
      {
        max_body_size: Bytes({
          default: 104_857_600,
          description: 'Maximum request body, 413 above; 0 means no limit.',
        }),
        max_buffered_bytes: BufferedBytes({
          default: 'auto',
          description:
            'Maximum memory of all bodies and pending responses together; at the limit reading pauses, then 503. `auto` is 40 % of the memory of the control group or the machine; 0 means no limit (beyond Olla).',
        }),
        max_header_size: Bytes({
          default: 1_048_576,
          description: 'Maximum request head, 431 above; at least 4096.',
        }),
      },
      'Size limits of requests.',
    ),
    rate_limits: Section(
      {
        global_requests_per_minute: Count(1000, 'Limit for all clients together; 0 means no limit.'),
        per_ip_requests_per_minute: Count(
          100,
          'Limit per client address; 0 disables it, and also the limit for all clients unless that is set, as in Olla.',
        ),
        burst_size: Count(50, 'Maximum burst of requests of one client.', { minimum: 1 }),
        global_burst_size: Count(
          0,
          'Maximum burst of requests of all clients; 0: as many as a minute allows (beyond Olla).',
        ),
        health_requests_per_minute: Count(
          1000,
          'Limit per client address on /internal/* and /version, with bursts of at least 100; 0 disables it. Health, readiness and the files of the dashboard are never limited.',
        ),
        ipv6_prefix: Count(
          64,
          'Prefix bits of an IPv6 address that identify one client: networks assign each site 2^64 addresses (beyond Olla).',
          { minimum: 16, maximum: 128 },
        ),
        cleanup_interval: Duration({
          default: '5m',
          description: 'Interval at which buckets of idle clients are removed.',
        }),
        trust_proxy_headers: Flag(false, 'Take the client address from X-Forwarded-For of trusted proxies.'),
        trusted_proxy_cidrs: TextList(
          ['127.0.0.0/8', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'],
          'Networks whose X-Forwarded-For is trusted; the client is the right-most address outside them.',
        ),
      },
      'Rate limits: token buckets per client address and for all clients.',
    ),
    overload: Section(
      {
        enabled: Flag(
          true,
          'Refuse requests with 503 and Retry-After, lowest priority first, while the gateway itself is overloaded. Requests that already run or wait continue, and the routes below /internal, GET and HEAD are always answered.',
        ),
        low_delay: Duration({
          default: '250ms',
          description:
            'Delay of the event loop of a thread above which it refuses requests of low priority; 0 means never. The delay must last for two samples, 0.2 s apart.',
        }),
        normal_delay: Duration({
          default: '1s',
          description:
            'The same for normal priority, which all requests have if clients need no keys; 0 means never.',
        }),
        high_delay: Duration({
          default: '3s',
          description: 'The same for high priority; 0 means never.',
        }),
        low_memory: Fraction(
          0.8,
          'Used share of request_limits.max_buffered_bytes from which requests of low priority are refused; 0 means never.',
          { maximum: 1 },
        ),
      },
      'What the gateway refuses while it is overloaded (beyond Olla).',
    ),
    cors: Section(
      {
        enabled: Flag(false, 'Allow cross-origin requests of browsers.'),
        allowed_origins: TextList(
          ['*'],
          'Allowed origins, `*` for all; one `*` within an origin matches any text.',
        ),
        allowed_methods: TextList(['GET', 'POST', 'OPTIONS'], 'Allowed methods.'),
        allowed_headers: TextList(['*'], 'Allowed request headers, `*` for all.'),
        exposed_headers: TextList(
          [],
          'Response headers that a page may read; empty: all X-Olla-*, X-RateLimit-* and Retry-After.',
        ),
        allow_credentials: Flag(false, 'Allow cookies and authentication; invalid together with origin `*`.'),
        max_age: Seconds({
          default: 300,
          description: 'Seconds for which browsers cache a preflight response.',
        }),
      },
      'Cross-origin requests.',
    ),
  },
  'The listener and its limits.',
)
