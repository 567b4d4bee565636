import { Choice, Count, Flag, Section, Text, TextList } from './sections.ts'
import { BufferedBytes, Bytes, Connections, Duration, Seconds, Threads } from './units.ts'

export const ServerSchema = Section(
  {
    host: Text('localhost', 'Address to listen on.'),
    port: Count(40114, 'Port to listen on; 0 takes a free one.', { maximum: 65535 }),
    threads: Threads({
      default: 1,
      description:
        'Threads that serve, on one port; `auto` takes as many as the machine runs at once. With more than one, another thread probes and discovers for all; where the system cannot share a port (Linux can), one thread serves (beyond Olla).',
    }),
    http_server: Choice(
      ['own', 'node'] as const,
      'own',
      "own: plain requests are read without Node's HTTP parser, at half of its cost, and everything else by Node's server; node: everything by Node's (beyond Olla).",
    ),
    max_connections: Connections({
      default: 'auto',
      description:
        'Connections of clients at once, of all threads; beyond it accepting pauses and the rest wait in the queue of the system. `auto` takes half of the file descriptors that the process has left at its start; 0 is no limit (beyond Olla).',
    }),
    tcp_keep_alive: Duration({
      default: '15s',
      description:
        'Silence after which the system asks whether a client is still there, every second, and ends the connection after ten questions; 0 is off (beyond Olla).',
    }),
    tcp_user_timeout: Duration({
      default: '1m',
      description:
        'A client that acknowledges nothing of what was sent to it for so long has vanished (Linux; looked at every ten seconds at most); 0 leaves it to the system (beyond Olla).',
    }),
    allow_half_open: Flag(
      false,
      'A client that has closed its side after the request is still answered; otherwise that counts as leaving, as in Olla and nginx (beyond Olla).',
    ),
    read_timeout: Duration({
      default: '30s',
      description: 'Longest time to receive a whole request; 0 is no limit.',
    }),
    read_header_timeout: Duration({
      default: '10s',
      description: 'Longest time to receive the request headers.',
    }),
    write_timeout: Duration({
      default: 0,
      description: 'Longest time to answer a request; 0 (for streams) is no limit.',
    }),
    idle_timeout: Duration({
      default: 0,
      description: 'Keep-alive time of an idle connection; 0 takes read_timeout.',
    }),
    shutdown_timeout: Duration({
      default: '10s',
      description: 'How long in-flight requests may go on after a stop signal.',
    }),
    shutdown_delay: Duration({
      default: 0,
      description:
        'Time between "not ready" and closing the port, in which everything is served, for a load balancer in front (beyond Olla).',
    }),
    browser_check: Flag(
      true,
      'Refuse requests that browsers send for pages of other sites, unless `cors` allows the origin, or under a host name that was pointed here by DNS rebinding. Pages of programs on this machine are allowed, as with Ollama (beyond Olla).',
    ),
    allowed_hosts: TextList(
      [],
      'Public host names under which browsers on this machine, or proxies that add no forwarding headers, reach the gateway; `*` allows all. Those of `dashboard.access_policy` count as well (beyond Olla).',
    ),
    watchdog_timeout: Duration({
      default: '5s',
      description:
        'A thread that does not respond for so long is ended: a serving thread is replaced, for the main thread the process ends. At least 1s; 0 is off (beyond Olla).',
    }),
    request_logging: Flag(true, 'One log line per request.'),
    request_limits: Section(
      {
        max_body_size: Bytes({
          default: 104_857_600,
          description: 'Largest request body, 413 above; 0 is no limit.',
        }),
        max_buffered_bytes: BufferedBytes({
          default: 'auto',
          description:
            'Memory that all bodies and pending answers may take up together; at the limit reading pauses, then 503. `auto` is 40 % of the memory that the control group or the machine gives; 0 is no limit (beyond Olla).',
        }),
        max_header_size: Bytes({
          default: 1_048_576,
          description: 'Largest request head, 431 above; at least 4096.',
        }),
      },
      'Size limits of requests.',
    ),
    rate_limits: Section(
      {
        global_requests_per_minute: Count(1000, 'All clients together; 0 is off.'),
        per_ip_requests_per_minute: Count(
          100,
          'Each client address; 0 is off, and with it the limit for all clients unless that is set itself, as in Olla.',
        ),
        burst_size: Count(50, 'Requests of one client that may come at once.', { minimum: 1 }),
        global_burst_size: Count(
          0,
          'Requests of all clients that may come at once; 0: as many as a minute allows (beyond Olla).',
        ),
        health_requests_per_minute: Count(
          1000,
          'Each client address on /internal/* and /version, at least 100 at once; 0 is off. Health, readiness and the files of the dashboard are never limited.',
        ),
        ipv6_prefix: Count(
          64,
          'Bits of an IPv6 address that make one client: networks give each site 2^64 addresses (beyond Olla).',
          { minimum: 16, maximum: 128 },
        ),
        cleanup_interval: Duration({
          default: '5m',
          description: 'How often buckets of idle clients are dropped.',
        }),
        trust_proxy_headers: Flag(false, 'Take the client address from X-Forwarded-For of trusted proxies.'),
        trusted_proxy_cidrs: TextList(
          ['127.0.0.0/8', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'],
          'Networks whose X-Forwarded-For is believed; the client is the right-most address outside them.',
        ),
      },
      'Rate limits: token buckets, per client address and for all.',
    ),
    cors: Section(
      {
        enabled: Flag(false, 'Answer cross-origin requests of browsers.'),
        allowed_origins: TextList(
          ['*'],
          'Origins, `*` for all; one `*` within an origin stands for any text.',
        ),
        allowed_methods: TextList(['GET', 'POST', 'OPTIONS'], 'Methods.'),
        allowed_headers: TextList(['*'], 'Request headers, `*` for all.'),
        exposed_headers: TextList(
          [],
          'Response headers a page may read; empty: all X-Olla-*, X-RateLimit-* and Retry-After.',
        ),
        allow_credentials: Flag(false, 'Allow cookies and auth; not together with origin `*`.'),
        max_age: Seconds({ default: 300, description: 'Seconds a preflight answer is kept.' }),
      },
      'Cross-origin requests.',
    ),
  },
  'The listener and what it lets in.',
)
