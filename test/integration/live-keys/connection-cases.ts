/** Keys whose effect needs a server that does not take connections, or one behind TLS. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { jsonAnswer, type RawRequest } from '../../support/raw-upstream.ts'
import { startTlsUpstream, type TlsUpstream } from '../../support/tls-upstream.ts'
import { ask, type LiveCase, type Scene, soon, statusOf } from './live-case.ts'

const alone = { model: 'only' }
const models = '{"object":"list","data":[{"id":"only","object":"model"}]}'
const preferred = { load_balancer: 'priority' }
const impatient = { max_retries: 0, outage_wait: 0 }

/** A server in a process of its own, with room for one connection that it has not accepted. */
const server = `
const { createServer } = require('node:http')
const server = createServer((request, response) => {
  response.setHeader('connection', 'close')
  response.setHeader('content-type', 'application/json')
  response.end(${JSON.stringify(models)}, () => {
    if (request.url === '/freeze') setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0))
  })
})
server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => console.log(server.address().port))
`

async function startFreezingServer(t: TestContext): Promise<{ url: string }> {
  const child = spawn(process.execPath, ['-e', server], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  const [port] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return { url: `http://127.0.0.1:${port}` }
}

/** The server accepts no connection from now on. */
async function freeze({ t, endpoints }: Scene): Promise<void> {
  const [{ url = '' } = {}] = endpoints
  await (await fetch(`${url}/freeze`)).text()
  for (let filler = 0; filler < 4; filler++) {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.on('error', () => {})
    t.after(() => socket.destroy())
  }
}

const isRefused = async (scene: Scene) => {
  const status = await statusOf(scene, alone)
  return status === 'pending' ? status : status >= 500
}

const connecting = {
  prepare: startFreezingServer,
  arrange: freeze,
  see: isRefused,
  from: 'pending',
  to: true,
} as const

/** TLS upstreams by their URL. */
const upstreams = new Map<unknown, TlsUpstream>()

const handshaking = {
  async prepare(t: TestContext) {
    const upstream = await startTlsUpstream(
      t,
      ({ socket }: RawRequest) => void socket.write(jsonAnswer(models)),
    )
    upstreams.set(upstream.url, upstream)
    return { url: upstream.url }
  },
  async arrange({ endpoints }: Scene) {
    upstreams.get(endpoints[0]?.url)?.meetWith(() => {})
  },
  /** The other endpoint answers after the time limit. */
  see: (scene: Scene) => soon(scene, async (signal) => (await ask(scene, {}, { signal })).endpoint),
  from: 'pending',
  to: 'second',
} as const

export const connectionCases: readonly LiveCase[] = [
  {
    key: 'proxy.connection_timeout',
    before: { proxy: impatient },
    after: { proxy: { ...impatient, connection_timeout: '200ms' } },
    ...connecting,
  },
  {
    key: 'discovery.static.endpoints[].timeouts.connect',
    before: { proxy: impatient },
    endpoint: { after: { timeouts: { connect: '200ms' } } },
    ...connecting,
  },
  {
    key: 'proxy.tls_handshake_timeout',
    before: { proxy: { ...preferred, tls_handshake_timeout: '60s' } },
    after: { proxy: { ...preferred, tls_handshake_timeout: '200ms' } },
    ...handshaking,
  },
  {
    key: 'discovery.static.endpoints[].timeouts.tls',
    before: { proxy: preferred },
    endpoint: { before: { timeouts: { tls: '60s' } }, after: { timeouts: { tls: '200ms' } } },
    ...handshaking,
  },
  {
    key: 'discovery.drain_timeout',
    before: { discovery: { drain_timeout: '10m' } },
    after: { discovery: { drain_timeout: '200ms' } },
    servers: { tokensPerSecond: 5 },
    see: drainEnds,
    from: 'pending',
    to: true,
  },
]

/** Whether the stream of a removed endpoint is ended. */
async function drainEnds(scene: Scene): Promise<boolean | 'pending'> {
  const { gateway } = scene
  const path = `${gateway.url}/internal/admin/endpoints/first`
  const headers = { 'x-olla-gateway': '1', connection: 'close' }
  try {
    return await soon(scene, async (signal) => {
      const response = await fetch(`${gateway.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', connection: 'close' },
        body: JSON.stringify({
          ...alone,
          messages: [{ role: 'user', content: 'x' }],
          stream: true,
          max_tokens: 1_000,
        }),
        signal,
      })
      await fetch(path, { method: 'DELETE', headers })
      const text = await response.text().catch(String)
      return !text.includes('[DONE]')
    })
  } finally {
    await fetch(`${path}/reset`, { method: 'POST', headers })
  }
}
