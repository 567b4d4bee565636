import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { folder } from '../support/command.ts'
import { chunk, type RawRequest, sseHead, startRawUpstream } from '../support/raw-upstream.ts'
import { eventually } from '../support/simulator.ts'
import { engineOf, engines } from './engines.ts'

const skip = process.platform === 'linux' ? false : 'ulimit and pauses of accepting are tested on Linux only'
const command = fileURLToPath(new URL('../../bin/olla-gateway.js', import.meta.url))

const stream = async ({ socket }: RawRequest) => {
  socket.write(sseHead)
  for (let at = 0; at < 3; at++) {
    await setTimeout(30)
    if (socket.destroyed) return
    socket.write(chunk('data: {"choices":[{"index":0,"delta":{"content":"t"}}]}\n\n'))
  }
  socket.write(`${chunk('data: [DONE]\n\n')}0\r\n\r\n`)
}

const cases = [
  { limit: 128, clients: 200, threads: 1, carrier: 'olla', server: 'own' },
  { limit: 128, clients: 200, threads: 1, carrier: 'sherpa', server: 'node' },
  { limit: 128, clients: 200, threads: 1, carrier: 'olla by undici', server: 'own' },
  { limit: 256, clients: 400, threads: 1, carrier: 'sherpa', server: 'own' },
  { limit: 256, clients: 300, threads: 2, carrier: 'olla', server: 'own' },
  { limit: 512, clients: 400, threads: 2, carrier: 'olla', server: 'node' },
]

describe('more clients than the process has descriptors', { skip }, () => {
  for (const { limit, clients, threads, carrier, server } of cases) {
    it(`are all served: ${clients} with ulimit -n ${limit}, ${threads} threads, ${carrier}, ${server}`, async (t) => {
      const upstreams = [await startRawUpstream(t, stream), await startRawUpstream(t, stream)]
      const list = upstreams.map(({ url }, at) => `{ url: "${url}", name: e${at}, type: openai-compatible }`)
      const limits = 'rate_limits: { global_requests_per_minute: 0, per_ip_requests_per_minute: 0 }'
      const { url, child } = await start(t, limit, [
        `server: { host: 127.0.0.1, port: 0, threads: ${threads}, http_server: ${server}, ${limits} }`,
        `proxy: ${JSON.stringify(engineOf(carrier))}`,
        `discovery: { static: { endpoints: [ ${list.join(', ')} ] } }`,
      ])
      const outcomes = await Promise.all(Array.from({ length: clients }, () => ask(url, 2)))
      assert.deepEqual(new Map(outcomes.flat().map((each) => [each, true])), new Map([['served', true]]))
      assert.equal(child.exitCode, null)
      const metrics = await (await fetch(`${url}/internal/metrics`)).text()
      assert.ok(Number(/^olla_accept_pauses_total (\d+)/m.exec(metrics)?.[1]) > 0)
      assert.doesNotMatch(metrics, /^olla_endpoint_failures_total\S* [1-9]/m)
      const status = (await (await fetch(`${url}/internal/status/endpoints`)).json()) as Status
      for (const each of status.endpoints) assert.equal(each.breaker?.state, 'closed')
    })
  }

  for (const carrier of engines) {
    it(`end no process without a limit: refused ones get Retry-After, ${carrier}`, async (t) => {
      const upstream = await startRawUpstream(t, stream)
      const { url, child } = await start(t, 128, [
        'server: { host: 127.0.0.1, port: 0, max_connections: 0, rate_limits: { per_ip_requests_per_minute: 0, global_requests_per_minute: 0 } }',
        `proxy: ${JSON.stringify(engineOf(carrier))}`,
        `discovery: { static: { endpoints: [ { url: "${upstream.url}", name: e, type: openai-compatible } ] } }`,
      ])
      const outcomes = (await Promise.all(Array.from({ length: 200 }, () => ask(url, 1)))).flat()
      const known = /^(served|503 out_of_resources|ECONNRESET|EPIPE)$/
      assert.deepEqual(
        outcomes.filter((each) => !known.test(each)),
        [],
      )
      // The first seconds without a request: timers look at memory then.
      await setTimeout(2_500)
      assert.equal(child.exitCode, null)
      assert.deepEqual(await ask(url, 1), ['served'])
      const status = (await (await fetch(`${url}/internal/status/endpoints`)).json()) as Status
      assert.equal(status.endpoints[0]?.breaker?.state, 'closed')
    })
  }
})

interface Status {
  readonly endpoints: readonly { readonly breaker?: { readonly state: string } }[]
}

async function start(
  t: TestContext,
  limit: number,
  lines: readonly string[],
): Promise<{ url: string; child: ChildProcess }> {
  const cwd = await folder({ 'config.yaml': `${lines.join('\n')}\n` })
  const script = `ulimit -n ${limit}; exec "$0" "$@"`
  const child = spawn('bash', ['-c', script, process.execPath, command], {
    cwd,
    env: { PATH: process.env.PATH ?? '', OLLA_SERVER_REQUEST_LOGGING: 'false' },
  })
  t.after(() => child.kill('SIGKILL'))
  let output = ''
  for (const from of [child.stdout, child.stderr])
    from.on('data', (data: Buffer) => (output += data.toString()))
  await eventually(() => /listening on http/.test(output))
  const url = /listening on (http:\S+)/.exec(output)?.[1] ?? ''
  await eventually(async () => (await fetch(`${url}/internal/ready`)).ok)
  return { url, child }
}

/** Asks again and again on a kept connection. */
async function ask(url: string, times: number): Promise<string[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const outcomes: string[] = []
  for (let at = 0; at < times; at++) outcomes.push(await sendOnce(url, agent))
  agent.destroy()
  return outcomes
}

async function sendOnce(url: string, agent: Agent): Promise<string> {
  const body = '{"model":"m","messages":[],"stream":true}'
  const asked = request(`${url}/v1/chat/completions`, {
    method: 'POST',
    agent,
    headers: { 'content-type': 'application/json', 'content-length': body.length },
    signal: AbortSignal.timeout(60_000),
  })
  asked.end(body)
  try {
    const [answer] = await once(asked, 'response')
    let text = ''
    for await (const bytes of answer) text += bytes
    if (answer.statusCode === 200) return text.includes('[DONE]') ? 'served' : 'cut'
    return `${answer.statusCode} ${/"code":"(\w+)"/.exec(text)?.[1]}`
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error)
  }
}
