import assert from 'node:assert/strict'
import { Agent, type IncomingMessage, request } from 'node:http'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { hostileAnswers } from './corpus/answers.ts'
import { startProcess } from './support/gateway-process.ts'
import { startHostileEndpoint } from './support/hostile-endpoint.ts'

/** Nothing of an endpoint's answer decides longer. */
const proxy = `proxy: { max_retries: 0, response_header_timeout: 2s, read_timeout: 1s, circuit_breaker: { enabled: false }`

interface Got {
  readonly status: number
  readonly fields: string
  readonly body: string
  readonly isWhole: boolean
  /** Of Node's parser, where the gateway's own answer cannot be read. */
  readonly error: string | undefined
}

function ask(port: number, path: string, agent: Agent, method = 'GET'): Promise<Got> {
  return new Promise((resolve) => {
    const headers = {
      'content-type': 'application/octet-stream',
      ...(method === 'POST' ? { 'content-length': 3 } : {}),
    }
    const asked = request({ host: '127.0.0.1', port, path, method, agent, headers })
    const failed = (error: NodeJS.ErrnoException) =>
      resolve({ status: 0, fields: '', body: '', isWhole: false, error: error.code ?? error.message })
    asked.on('error', failed)
    asked.on('response', (response: IncomingMessage) => {
      let body = ''
      response.setEncoding('latin1').on('data', (part: string) => (body += part))
      response.on('error', () => {})
      response.on('close', () => {
        const { statusCode: status = 0, rawHeaders, rawTrailers, complete: isWhole } = response
        resolve({
          status,
          fields: [...rawHeaders, ...rawTrailers].join('\n'),
          body,
          isWhole,
          error: undefined,
        })
      })
    })
    asked.end(method === 'POST' ? 'abc' : undefined)
  })
}

/** What is wrong with what the client got; undefined where it is right, whatever it is. */
function faultOf(isBroken: boolean, { status, fields, body, isWhole, error }: Got): string | undefined {
  if (error?.startsWith('HPE_') === true) return `cannot be read: ${error}`
  if (/^X-Injected$/im.test(fields)) return 'a field was injected'
  if (/evil/.test(fields)) return `a field of the endpoint went through: ${fields}`
  if (/SECOND/.test(body)) return 'a second answer went through'
  if (isBroken && isWhole && status < 500) return 'a broken answer looks whole'
  return undefined
}

async function attack(t: TestContext, engine: string, threads: number): Promise<void> {
  const { url, targets } = await startHostileEndpoint(t, hostileAnswers)
  const { port, child, output } = await startProcess(t, url, {
    server: `, threads: ${threads}`,
    more: `${proxy}, engine: ${engine} }`,
  })
  const agent = new Agent({ keepAlive: true, maxSockets: 8 })
  t.after(() => agent.destroy())
  const counts = new Map<string, Record<string, number>>()
  const faults: string[] = []
  for (const [at, answer] of hostileAnswers.entries()) {
    const got = await ask(port, `/olla/proxy/hostile/${at}`, agent, answer.method)
    const { isBroken = false } = answer
    const isFollowed = answer.name.endsWith('elsewhere') && (got.status < 300 || got.status > 399)
    if (isFollowed) faults.push(`${answer.name} is answered ${got.status}`)
    const fault = faultOf(isBroken, got)
    const kind = fault !== undefined ? 'bad' : got.status >= 500 ? 'refused' : got.isWhole ? 'passed' : 'cut'
    const row = counts.get(answer.family) ?? {}
    row[kind] = (row[kind] ?? 0) + 1
    counts.set(answer.family, row)
    if (fault !== undefined) faults.push(`${answer.family}, ${answer.name}: ${fault}`)
    if (answer.isLate === true) await delay(100)
    // What the connection still holds may not be the answer to another request.
    for (const round of [1, 2]) {
      const next = await ask(port, `/olla/proxy/good/${at}-${round}`, agent)
      if (next.body !== `/good/${at}-${round}`)
        faults.push(
          `${answer.family}, ${answer.name}: the next answer is ${next.status} ${next.body.slice(0, 100)}`,
        )
    }
  }
  for (const [family, row] of counts)
    t.diagnostic(`${engine}, ${threads} threads, ${family}: ${JSON.stringify(row)}`)
  assert.deepEqual(faults, [])
  const counted = targets.reduce(
    (all, target) => all.set(target, (all.get(target) ?? 0) + 1),
    new Map<string, number>(),
  )
  const asked = Math.max(...counted.values())
  // Of the gateway's own list of models as well: it is read once.
  assert.ok(asked <= 6, `a redirect to itself was followed ${asked} times`)
  assert.equal(child.exitCode, null, output().slice(-2_000))
}

describe('answers of a hostile endpoint', () => {
  it('are numerous', () => assert.ok(hostileAnswers.length > 120))

  for (const [engine, threads] of [
    ['olla', 1],
    ['sherpa', 1],
    ['olla', 2],
  ] as const) {
    it(`reach no other client and inject nothing: ${engine}, ${threads} threads`, (t) =>
      attack(t, engine, threads))
  }
})
