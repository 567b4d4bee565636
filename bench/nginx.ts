// nginx as a target: one worker, kept-alive upstream connections, bodies in memory, chunks forwarded as they arrive.
import { existsSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { hasProgram } from './native.ts'
import { type StartedProcess, start } from './processes.ts'
import type { Running, Target, TargetContext } from './targets.ts'

export const nginx: Target = {
  name: 'nginx',
  title: 'nginx',
  threads: 1,
  missing: () => (hasProgram('nginx') ? undefined : 'nginx is not installed (Debian: apt-get install nginx)'),
  start: startProxy,
}

async function startProxy({ folder, upstreamPorts, cores }: TargetContext): Promise<Running> {
  const port = await freePort()
  const listen = `listen 127.0.0.1:${port} backlog=4096;`
  const configuration = nginxConfiguration(folder, [listen], upstreamPorts)
  return { process: await startNginx({ name: 'nginx', folder, cores: cores.one, configuration }), port }
}

export interface NginxStart {
  readonly name: string
  readonly folder: string
  readonly cores: string
  readonly configuration: string
}

export function startNginx({ name, folder, cores, configuration }: NginxStart): Promise<StartedProcess> {
  const file = join(folder, `${name}.conf`)
  writeFileSync(file, configuration)
  const program = existsSync('/usr/sbin/nginx') ? '/usr/sbin/nginx' : 'nginx'
  return start({
    name,
    command: [program, '-p', folder, '-c', file, '-g', 'daemon off;'],
    cores,
    outputFile: join(folder, `${name}.log`),
    isUp: /start worker process (\d+)/,
  })
}

/** @param servers how each server listens */
export function nginxConfiguration(
  folder: string,
  servers: readonly string[],
  upstreamPorts: readonly number[],
): string {
  return `${process.getuid?.() === 0 ? 'user root;\n' : ''}worker_processes 1;
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
${upstreamPorts.map((upstreamPort) => `    server 127.0.0.1:${upstreamPort};`).join('\n')}
    keepalive 256;
    keepalive_requests 100000000;
  }
${servers.map(serverOf).join('\n')}
}
`
}

function serverOf(listen: string): string {
  return `  server {
    ${listen}
    location / {
      proxy_pass http://models;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_read_timeout 600s;
    }
  }`
}

/** nginx cannot choose a free port and report it. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}
