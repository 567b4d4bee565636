import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { it, type TestContext } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { folder, listening, type RunningCommand, run } from '../support/command.ts'
import { freePort } from '../support/free-port.ts'
import { chatBody } from '../support/gateway.ts'
import { type ProxyName, startProxy, whyNoProxy } from '../support/proxies.ts'
import { eventually } from '../support/simulator.ts'

const clients = 24
const shutdownDelayMs = 1_000

/** Answers after a moment; a stream lasts longer than the delay and the check intervals of the proxies. */
async function startUpstream(t: TestContext): Promise<number> {
  const server = createServer((incoming, response) => {
    let text = ''
    incoming.on('data', (part) => {
      text += part
    })
    incoming.on('end', async () => {
      if (incoming.method === 'GET') {
        response.setHeader('Content-Type', 'application/json')
        response.end('{"object":"list","data":[{"id":"m","object":"model"}]}')
        return
      }
      if (!text.includes('"stream":true')) {
        await wait(Math.random() * 30)
        response.setHeader('Content-Type', 'application/json')
        response.end('{"object":"chat.completion","choices":[{"message":{"content":"hello"}}]}')
        return
      }
      response.writeHead(200, { 'Content-Type': 'text/event-stream' })
      for (let event = 0; event < 24; event++) {
        response.write('data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n')
        await wait(60)
      }
      // The gateway may ask for a stream on behalf of a client that wants a whole answer.
      response.write('data: {"choices":[{"index":0,"delta":{"content":"hello"}}]}\n\n')
      response.end('data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** A gateway that can be started again on its port. */
class Restarted {
  readonly port: number
  readonly #t: TestContext
  readonly #cwd: string
  #running: RunningCommand | undefined

  private constructor(t: TestContext, port: number, cwd: string) {
    this.#t = t
    this.port = port
    this.#cwd = cwd
  }

  static async create(t: TestContext, upstream: number, server: string): Promise<Restarted> {
    const port = await freePort()
    const limits =
      'rate_limits: { global_requests_per_minute: 0, per_ip_requests_per_minute: 0, health_requests_per_minute: 0 }'
    const cwd = await folder({
      'config.yaml': `server: { host: 127.0.0.1, port: ${port}, shutdown_delay: ${shutdownDelayMs}ms, ${limits}, ${server} }
discovery: { static: { endpoints: [ { url: 'http://127.0.0.1:${upstream}', name: box, type: openai } ] } }
`,
    })
    const gateway = new Restarted(t, port, cwd)
    await gateway.start()
    return gateway
  }

  async start(): Promise<void> {
    this.#running = run(this.#t, ['-c', 'config.yaml'], { cwd: this.#cwd })
    const url = await listening(this.#running)
    await eventually(async () => (await fetch(`${url}/internal/ready`)).status === 200)
  }

  /** @returns the exit code */
  async stop(): Promise<number | null | undefined> {
    this.#running?.child.kill('SIGTERM')
    return this.#running?.exit
  }
}

/** Clients that ask again and again; every tenth request is a stream. */
function load(port: number, keepsAlive: boolean) {
  const agent = new Agent({ keepAlive: keepsAlive, maxSockets: clients })
  const seen: Record<string, number> = {}
  let isOver = false
  const loops = Array.from({ length: clients }, async (_, client) => {
    for (let count = client; !isOver; count++) {
      const outcome = await ask(port, agent, count % 10 === 0)
      seen[outcome] = (seen[outcome] ?? 0) + 1
      await wait(Math.random() * 20)
    }
  })
  return {
    async end() {
      isOver = true
      await Promise.all(loops)
      agent.destroy()
      return seen
    },
  }
}

function ask(port: number, agent: Agent, stream: boolean): Promise<string> {
  const body = chatBody({ stream })
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
  return new Promise((resolve) => {
    const outgoing = request({
      port,
      host: '127.0.0.1',
      method: 'POST',
      path: '/v1/chat/completions',
      agent,
      headers,
    })
    outgoing.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    outgoing.on('response', (response) => {
      let text = ''
      response.on('data', (part) => {
        text += part
      })
      response.on('error', () => resolve('cut'))
      response.on('end', () => {
        const isWhole = stream ? text.endsWith('[DONE]\n\n') : text.includes('hello')
        resolve(
          response.statusCode === 200 && isWhole ? 'ok' : `${response.statusCode} ${text.slice(0, 100)}`,
        )
      })
    })
    outgoing.end(body)
  })
}

/** No proxy here repeats a POST that it has sent. */
const variants: readonly {
  readonly title: string
  readonly proxy: ProxyName
  readonly keepsAlive: boolean
  /** @param out the port of the gateway that is taken out by hand */
  lines(ports: readonly number[], out?: number): string
  readonly reloads: boolean
}[] = [
  {
    title: 'HAProxy without retries, with checks of /internal/ready',
    proxy: 'haproxy',
    keepsAlive: true,
    reloads: false,
    lines: (ports) => `
  retries 0
  option httpchk GET /internal/ready
  default-server check inter 200ms fall 2 rise 1
frontend gateways
  bind 127.0.0.1:PORT
  default_backend gateways
backend gateways
${ports.map((port) => `  server s${port} 127.0.0.1:${port}`).join('\n')}
`,
  },
  {
    title: 'nginx without another try, told by a reload which one to leave out',
    proxy: 'nginx',
    // nginx itself closes idle connections of clients when it is reloaded.
    keepsAlive: false,
    reloads: true,
    lines: (ports, out) => `
upstream gateways { keepalive 16; ${ports.map((port) => `server 127.0.0.1:${port}${port === out ? ' down' : ''};`).join(' ')} }
server { listen 127.0.0.1:PORT; location / {
  proxy_pass http://gateways; proxy_http_version 1.1; proxy_set_header Connection "";
  proxy_buffering off; proxy_next_upstream off;
} }
`,
  },
]

it('a rolling restart of two gateways under load loses no request', { timeout: 300_000 }, async (t) => {
  const upstream = await startUpstream(t)
  const gateways = await Promise.all([
    Restarted.create(t, upstream, 'threads: 1'),
    Restarted.create(t, upstream, 'threads: 2, http_server: node'),
  ])
  const ports = gateways.map(({ port }) => port)
  for (const { title, proxy, keepsAlive, lines, reloads } of variants) {
    await t.test(`behind ${title}`, { skip: whyNoProxy(proxy) }, async (t) => {
      const front = await startProxy(t, proxy, lines(ports))
      const traffic = load(front.port, keepsAlive)
      await wait(300)
      for (const gateway of gateways) {
        if (reloads) await front.reload(lines(ports, gateway.port))
        assert.equal(await gateway.stop(), 0)
        await gateway.start()
        if (reloads) await front.reload(lines(ports))
        // The checks of the proxy see it again.
        await wait(500)
      }
      const seen = await traffic.end()
      t.diagnostic(JSON.stringify(seen))
      assert.deepEqual(Object.keys(seen), ['ok'])
    })
  }
})
