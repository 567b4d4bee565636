/**
 * Time from a change to its effect on all threads, for each way to change: `npm run bench:changes`. A gateway with two
 * threads gets an endpoint with a model of its own; the effect is there when requests for it on new connections, several at
 * a time, are all answered.
 */
import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { existsSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import makeMulticast from 'multicast-dns'
import { slice, startKubernetesApi } from '../test/endpoints/providers/kubernetes-api.ts'
import { folder, listening, run } from '../test/support/command.ts'
import { postChat, startGateway } from '../test/support/gateway.ts'
import { withSimulator } from '../test/support/simulator.ts'

const rounds = Number(process.env.ROUNDS ?? 5)
const kind = 'openai-compatible'
const dnsmasq = ['/usr/sbin/dnsmasq', '/usr/local/sbin/dnsmasq'].find((path) => existsSync(path))

interface Way {
  /** Makes a server with the model of a round known. */
  readonly add: (server: { url: string; name: string; host: string; port: number }) => Promise<unknown>
  readonly url: string
  /** If servers differ by their address alone: their port. */
  readonly port?: number
}

describe('time from a change to its effect on two threads', () => {
  const ways: Record<string, (t: TestContext) => Promise<Way>> = {
    'file, watched': (t) => ofProcess(t, async () => {}),
    'file and SIGHUP': (t) =>
      ofProcess(t, async ({ child }) => child.kill('SIGHUP'), ', watch_config: false'),
    'file and route': (t) =>
      ofProcess(
        t,
        ({ url }) =>
          fetch(`${url}/internal/admin/reload`, { method: 'POST', headers: { 'x-olla-gateway': '1' } }),
        ', watch_config: false',
      ),
    'endpoint by the API': ofApi,
    'DNS (dnsmasq, TTL 1 s)': ofDns,
    'Kubernetes (scripted API)': ofKubernetes,
    'multicast DNS (loopback)': ofMulticast,
  }
  for (const [name, start] of Object.entries(ways)) {
    it(name, async (t) => {
      if (name.startsWith('DNS') && dnsmasq === undefined) return t.skip('dnsmasq is not installed')
      const way = await start(t)
      const times: number[] = []
      for (let round = 0; round < rounds; round++) {
        const host = way.port === undefined ? '127.0.0.1' : `127.0.0.${20 + round}`
        const server = { kind, name: `server-${round}`, models: [`model-${round}`], host } as const
        const { url, port } = await withSimulator(t, { ...server, port: way.port ?? 0 })
        const begunMs = performance.now()
        await way.add({ url, name: server.name, host, port })
        times.push(Math.round((await effect(way.url, `model-${round}`)) - begunMs))
      }
      times.sort((a, b) => a - b)
      t.diagnostic(`${name}: ${times.join(', ')} ms; load ${loadavg()[0]?.toFixed(1)}`)
    })
  }
})

/** When all of several requests at a time were answered first, three times in a row. */
async function effect(url: string, model: string): Promise<number> {
  const headers = { 'content-type': 'application/json', connection: 'close' }
  let sinceMs = 0
  let inRow = 0
  while (inRow < 3) {
    const begunMs = performance.now()
    const all = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const response = await postChat(url, { model }, { headers })
        await response.arrayBuffer()
        return response.status === 200
      }),
    )
    if (!all.every(Boolean)) inRow = 0
    else if (++inRow === 1) sinceMs = begunMs
    await setTimeout(2)
  }
  return sinceMs
}

const unlimited = 'rate_limits: { per_ip_requests_per_minute: 0, global_requests_per_minute: 0 }'

async function ofProcess(
  t: TestContext,
  then: (gateway: { url: string; child: ReturnType<typeof spawn> }) => Promise<unknown>,
  server = '',
): Promise<Way> {
  const first = await withSimulator(t, { kind, name: 'first', models: ['first'] })
  const entries = [`{ url: '${first.url}', name: first, type: ${kind} }`]
  const text = () =>
    `server: { host: 127.0.0.1, port: 0, ${unlimited}${server} }\ndiscovery: { static: { endpoints: [ ${entries.join(', ')} ] } }\n`
  const cwd = await folder({ 'config.yaml': text() })
  const file = join(cwd, 'config.yaml')
  const running = run(t, ['-c', 'config.yaml', '--threads', '2'], { cwd })
  const url = await listening(running)
  return {
    url,
    async add({ url: address, name }) {
      entries.push(`{ url: '${address}', name: ${name}, type: ${kind} }`)
      await writeFile(`${file}.new`, text())
      await rename(`${file}.new`, file)
      await then({ url, child: running.child })
    },
  }
}

async function ofApi(t: TestContext): Promise<Way> {
  const { url } = await gatewayWith(t, [])
  return {
    url,
    add: ({ url: address, name }) =>
      fetch(`${url}/internal/admin/endpoints`, {
        method: 'POST',
        headers: { 'x-olla-gateway': '1', 'content-type': 'application/json' },
        body: JSON.stringify({ url: address, name, type: kind }),
      }),
  }
}

async function gatewayWith(t: TestContext, providers: readonly object[]) {
  const first = await withSimulator(t, { kind, name: 'first', models: ['first'] })
  return startGateway(t, [{ url: first.url, name: 'first' }], { discovery: { providers } }, { threads: 2 })
}

/** Servers differ by their address alone, so that all have the port of the first. */
async function commonPort(t: TestContext): Promise<number> {
  const { port, close } = await withSimulator(t, { kind, name: 'port', models: ['none'] })
  await close()
  return port
}

async function ofDns(t: TestContext): Promise<Way> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  const { port: dnsPort } = socket.address()
  socket.close()
  const cwd = await folder()
  const lines = ['no-resolv', 'no-hosts', 'bind-interfaces', 'listen-address=127.0.0.1', 'local=/test/']
  const hosts = join(cwd, 'hosts')
  const names: string[] = []
  await writeFile(hosts, '')
  await writeFile(
    join(cwd, 'conf'),
    [...lines, 'local-ttl=1', `port=${dnsPort}`, `pid-file=${join(cwd, 'pid')}`, `addn-hosts=${hosts}`].join(
      '\n',
    ),
  )
  const child = spawn(dnsmasq ?? '', ['--no-daemon', `--conf-file=${join(cwd, 'conf')}`], { stdio: 'ignore' })
  t.after(() => child.kill('SIGKILL'))
  const port = await commonPort(t)
  const { url } = await gatewayWith(t, [
    { type: 'dns', names: ['gpu.test'], port, servers: [`127.0.0.1:${dnsPort}`], template: { type: kind } },
  ])
  return {
    url,
    port,
    async add({ host }) {
      names.push(`${host} gpu.test`)
      await writeFile(hosts, `${names.join('\n')}\n`)
      // dnsmasq reads its hosts again.
      child.kill('SIGHUP')
    },
  }
}

async function ofKubernetes(t: TestContext): Promise<Way> {
  const api = await startKubernetesApi(t)
  const port = await commonPort(t)
  const cwd = await folder({ token: 'a-token' })
  const provider = { type: 'kubernetes', service: 'vllm', namespace: 'models', api_server: api.origin }
  const { url } = await gatewayWith(t, [
    { ...provider, token_file: join(cwd, 'token'), template: { type: kind } },
  ])
  const hosts: string[] = []
  return {
    url,
    port,
    async add({ host }) {
      hosts.push(host)
      api.put(slice('one', hosts, { ports: [{ name: 'http', port }] }))
    },
  }
}

async function ofMulticast(t: TestContext): Promise<Way> {
  const mdns = makeMulticast({ interface: '127.0.0.1', loopback: true })
  t.after(() => mdns.destroy())
  const { url } = await gatewayWith(t, [
    { type: 'mdns', interface: '127.0.0.1', in_container: true, template: { type: kind } },
  ])
  return {
    url,
    async add({ name, host, port }) {
      const service = '_openai._tcp.local'
      const instance = `${name}.${service}`
      mdns.respond({
        answers: [
          { type: 'PTR', name: service, ttl: 120, data: instance },
          { type: 'SRV', name: instance, ttl: 120, data: { target: `${name}.local`, port } },
          { type: 'TXT', name: instance, ttl: 120, data: [] },
          { type: 'A', name: `${name}.local`, ttl: 120, data: host },
        ],
      })
    },
  }
}
