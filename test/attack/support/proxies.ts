import type { TestContext } from 'node:test'
import { type ProxyName, startProxy, whyNoProxy } from '../../support/proxies.ts'

/** @returns a port in front of `upstreamPort`; undefined where nginx is not installed */
export function startNginx(t: TestContext, upstreamPort: number): Promise<number | undefined> {
  return startFront(
    t,
    'nginx',
    `large_client_header_buffers 8 64k;
client_max_body_size 100m;
keepalive_requests 1000000;
server {
  listen 127.0.0.1:PORT backlog=4096;
  location / {
    proxy_pass http://127.0.0.1:${upstreamPort};
    proxy_http_version 1.1;
    proxy_set_header X-Forwarded-For $remote_addr;
  }
}`,
  )
}

/** @returns a port in front of `upstreamPort`; undefined where HAProxy is not installed */
export function startHaproxy(t: TestContext, upstreamPort: number): Promise<number | undefined> {
  return startFront(
    t,
    'haproxy',
    `frontend front
  bind 127.0.0.1:PORT
  http-request set-header X-Forwarded-For %[src]
  default_backend back
backend back
  server capture 127.0.0.1:${upstreamPort}
global
  maxconn 2000
  tune.bufsize 131072
`,
  )
}

async function startFront(t: TestContext, name: ProxyName, lines: string): Promise<number | undefined> {
  const why = whyNoProxy(name)
  if (why === undefined) return (await startProxy(t, name, lines)).port
  t.diagnostic(`skipped: ${why}`)
  return undefined
}
