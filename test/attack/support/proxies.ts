import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../../support/free-port.ts'

/** `OLLA_REQUIRE_PROXIES=1` fails a run without them. */
const required = process.env.OLLA_REQUIRE_PROXIES === '1'

/** @returns a port in front of `upstreamPort`; undefined where nginx is not installed */
export async function startNginx(t: TestContext, upstreamPort: number): Promise<number | undefined> {
  if (!isInstalled(t, 'nginx', '-v')) return undefined
  const port = await freePort()
  const folder = await workFolder(t)
  await writeFile(
    join(folder, 'nginx.conf'),
    `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log crit;
events { worker_connections 4096; }
http {
  access_log off; client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder};
  uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
  large_client_header_buffers 8 64k; client_max_body_size 100m; keepalive_requests 1000000;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://127.0.0.1:${upstreamPort};
      proxy_http_version 1.1;
      proxy_set_header X-Forwarded-For $remote_addr;
    }
  }
}
`,
  )
  await started(
    t,
    spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')], { stdio: 'ignore' }),
    port,
  )
  return port
}

/** @returns a port in front of `upstreamPort`; undefined where HAProxy is not installed */
export async function startHaproxy(t: TestContext, upstreamPort: number): Promise<number | undefined> {
  if (!isInstalled(t, 'haproxy', '-v')) return undefined
  const port = await freePort()
  const folder = await workFolder(t)
  const file = join(folder, 'haproxy.cfg')
  await writeFile(
    file,
    `global
  maxconn 2000
  tune.bufsize 131072
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend front
  bind 127.0.0.1:${port}
  http-request set-header X-Forwarded-For %[src]
  default_backend back
backend back
  server capture 127.0.0.1:${upstreamPort}
`,
  )
  await started(t, spawn('haproxy', ['-db', '-q', '-f', file], { stdio: 'ignore' }), port)
  return port
}

function isInstalled(t: TestContext, command: string, flag: string): boolean {
  try {
    execFileSync(command, [flag], { stdio: 'ignore' })
    return true
  } catch (error) {
    if (required) throw new Error(`OLLA_REQUIRE_PROXIES=1, but ${command} is not installed`, { cause: error })
    t.diagnostic(`skipped: ${command} is not installed`)
    return false
  }
}

async function workFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'olla-gateway-attack-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

async function started(t: TestContext, child: ChildProcess, port: number): Promise<void> {
  t.after(() => child.kill('SIGKILL'))
  for (let look = 0; look < 200; look++) {
    if (child.exitCode !== null) throw new Error(`${child.spawnfile} ended with ${child.exitCode}`)
    const socket = connect(port, '127.0.0.1')
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
    })
    socket.destroy()
    if (isOpen) return
    await delay(50)
  }
  throw new Error(`${child.spawnfile} does not listen`)
}
