// What is measured: each target is a process of its own that leads to the same upstream.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { hasProgram } from './native.ts'
import { type Started, start } from './processes.ts'

export interface Running {
  /** Undefined where nothing stands between client and upstream. */
  readonly process: Started | undefined
  readonly port: number
}

export interface TargetContext {
  /** For configurations and logs. */
  readonly folder: string
  readonly upstreamPort: number
  /** Core of a target with one thread. */
  readonly core: string
  /** Cores of a target with two. */
  readonly twoCores: string
}

export interface Target {
  readonly name: string
  readonly title: string
  /** Serving threads; the load is not pinned beside more than one. */
  readonly threads: number
  /** Why it cannot run here; undefined where it can. */
  missing(): string | undefined
  start(context: TargetContext): Promise<Running>
}

const gatewayCommand = fileURLToPath(new URL('../bin/olla-gateway.js', import.meta.url))
const schemaFile = fileURLToPath(new URL('../config/schema.json', import.meta.url))

export const targets: readonly Target[] = [
  {
    name: 'direct',
    title: 'direct',
    threads: 1,
    missing: () => undefined,
    start: async ({ upstreamPort }) => ({ process: undefined, port: upstreamPort }),
  },
  {
    name: 'nginx',
    title: 'nginx',
    threads: 1,
    missing: () =>
      hasProgram('nginx') ? undefined : 'nginx is not installed (Debian: apt-get install nginx)',
    start: startNginx,
  },
  script('reply-from', 'bare @fastify/reply-from', 'bare-reply-from.ts'),
  script('bare', 'bare hijack + undici dispatch', 'bare.ts'),
  gateway('olla', 'gateway, olla engine', 'olla', 1),
  gateway('olla-2', 'gateway, olla engine, 2 threads', 'olla', 2),
  gateway('sherpa', 'gateway, sherpa engine', 'sherpa', 1),
]

function script(name: string, title: string, file: string): Target {
  return {
    name,
    title,
    threads: 1,
    missing: () => undefined,
    async start({ folder, upstreamPort, core }) {
      const path = fileURLToPath(new URL(file, import.meta.url))
      const started = await start({
        name,
        command: [process.execPath, path, `http://127.0.0.1:${upstreamPort}`],
        cores: core,
        outputFile: join(folder, `${name}.log`),
        isUp: /listening on http:\/\/127\.0\.0\.1:(\d+)/,
      })
      return { process: started, port: Number(started.matched) }
    },
  }
}

/** The gateway as in production: everything on, the limits out of reach, request lines as JSON to a file. */
export function gatewayConfig(origins: readonly string[], engine: string, threads: number) {
  return {
    server: {
      host: '127.0.0.1',
      port: 0,
      ...(threads > 1 ? { threads } : {}),
      rate_limits: {
        global_requests_per_minute: 100_000_000,
        per_ip_requests_per_minute: 100_000_000,
        burst_size: 10_000_000,
      },
    },
    proxy: { engine },
    discovery: {
      static: { endpoints: origins.map((url, at) => ({ url, name: `endpoint-${at}`, type: 'vllm' })) },
    },
    logging: { level: 'info', format: 'json' },
  }
}

function gateway(name: string, title: string, engine: string, threads: number): Target {
  return {
    name,
    title,
    threads,
    missing: () => (threads > 1 && !hasThreads() ? 'this gateway has no `server.threads` yet' : undefined),
    async start({ folder, upstreamPort, core, twoCores }) {
      const config = gatewayConfig([`http://127.0.0.1:${upstreamPort}`], engine, threads)
      return startGateway({ name, folder, cores: threads > 1 ? twoCores : core, config })
    },
  }
}

export interface GatewayStart {
  readonly name: string
  readonly folder: string
  readonly cores: string
  readonly config: object
}

/** Resolves when the gateway has an endpoint with a model. */
export async function startGateway({ name, folder, cores, config }: GatewayStart): Promise<Running> {
  const file = join(folder, `${name}.yaml`)
  writeFileSync(file, JSON.stringify(config))
  const started = await start({
    name,
    command: [process.execPath, gatewayCommand, '-c', file],
    cores,
    outputFile: join(folder, `${name}.log`),
    isUp: /listening on http:\/\/127\.0\.0\.1:(\d+)/,
    env: { OLLA_LOGGING_FORMAT: 'json' },
  })
  const port = Number(started.matched)
  const deadlineMs = performance.now() + 30_000
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${port}/internal/status/models`)
    if (!(await response.text()).includes('"total_models":0')) return { process: started, port }
    if (performance.now() > deadlineMs) throw new Error(`${name} has found no models`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

function hasThreads(): boolean {
  return /"threads"/.test(readFileSync(schemaFile, 'utf8'))
}

async function startNginx({ folder, upstreamPort, core }: TargetContext): Promise<Running> {
  const port = await freePort()
  const file = join(folder, 'nginx.conf')
  writeFileSync(file, nginxConfig(folder, port, upstreamPort))
  const program = existsSync('/usr/sbin/nginx') ? '/usr/sbin/nginx' : 'nginx'
  const started = await start({
    name: 'nginx',
    command: [program, '-p', folder, '-c', file, '-g', 'daemon off;'],
    cores: core,
    outputFile: join(folder, 'nginx.log'),
    isUp: /start worker process (\d+)/,
  })
  return { process: started, port }
}

/** One worker, kept upstream connections, bodies in memory, chunks passed on as they come. */
function nginxConfig(folder: string, port: number, upstreamPort: number): string {
  const isRoot = process.getuid?.() === 0
  return `${isRoot ? 'user root;\n' : ''}worker_processes 1;
worker_rlimit_nofile 20000;
pid ${folder}/nginx.pid;
error_log stderr notice;
events { worker_connections 16000; }
http {
  access_log ${folder}/nginx-access.log combined buffer=4k flush=1s;
  client_body_temp_path ${folder}/nginx-body;
  proxy_temp_path ${folder}/nginx-proxy;
  fastcgi_temp_path ${folder}/nginx-fastcgi;
  uwsgi_temp_path ${folder}/nginx-uwsgi;
  scgi_temp_path ${folder}/nginx-scgi;
  client_max_body_size 100m;
  client_body_buffer_size 2m;
  keepalive_requests 100000000;
  upstream models {
    server 127.0.0.1:${upstreamPort};
    keepalive 256;
    keepalive_requests 100000000;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://models;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_read_timeout 600s;
    }
  }
}
`
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
