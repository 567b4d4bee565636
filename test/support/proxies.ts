import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { folder } from './command.ts'
import { freePort } from './free-port.ts'
import { openSocket } from './gateway.ts'
import { eventually } from './simulator.ts'

export type ProxyName = 'nginx' | 'haproxy'

/** @returns why the tests with a proxy are left out; undefined where it is installed, or has to be */
export function whyNoProxy(name: ProxyName): string | undefined {
  if (process.env.OLLA_REQUIRE_PROXIES === '1' || spawnSync(name, ['-v']).error === undefined)
    return undefined
  return `${name} is not installed`
}

/** A proxy in front of gateways, on a port of its own. */
export interface RunningProxy {
  readonly port: number
  /** Takes another configuration, without closing the port. */
  reload(lines: string): Promise<void>
}

/** @param lines contents of `http` after the limits, or after `defaults`; `PORT` is the port to listen on */
export async function startProxy(t: TestContext, name: ProxyName, lines: string): Promise<RunningProxy> {
  const port = await freePort()
  const path = await folder()
  const file = join(path, 'proxy.conf')
  const write = (text: string) => writeFile(file, wrap(name, path, text.replaceAll('PORT', String(port))))
  await write(lines)
  const args = name === 'nginx' ? ['-p', path, '-e', 'stderr', '-c', file] : ['-W', '-f', file]
  const child: ChildProcess = spawn(name, args, { stdio: 'ignore' })
  const exit = once(child, 'exit')
  t.after(async () => {
    child.kill('SIGTERM')
    await exit
  })
  await eventually(async () => {
    const socket = await openSocket(port).catch(() => undefined)
    socket?.destroy()
    return socket !== undefined
  })
  return {
    port,
    async reload(text) {
      await write(text)
      child.kill('SIGHUP')
    },
  }
}

function wrap(name: ProxyName, path: string, lines: string): string {
  if (name === 'haproxy') {
    return `defaults
  mode http
  timeout connect 5s
  timeout check 5s
  timeout client 1m
  timeout server 1m
${lines}`
  }
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${path};`)
    .join(' ')
  return `daemon off;
worker_processes 2;
pid ${path}/pid;
error_log /dev/null;
events { worker_connections 1024; }
http { access_log off; ${temporary}
${lines}
}`
}
