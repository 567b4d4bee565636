import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { rawExchange, startGateway } from '../support/gateway.ts'
import { jsonAnswer, startRawUpstream } from '../support/raw-upstream.ts'
import { engineOf, engines } from './engines.ts'

const mounts = [
  ...[
    '',
    '/olla/proxy',
    '/olla/ollama',
    '/olla/openai',
    '/olla/openai-compatible',
    '/olla/vllm',
    '/olla/litellm',
  ],
  ...[
    '/olla/llamacpp',
    '/olla/sglang',
    '/olla/lmstudio',
    '/olla/lm-studio',
    '/olla/lemonade',
    '/olla/anthropic',
  ],
]
const spelt = new Set(['', '/olla/proxy', '/olla/ollama'])
const operations = [
  ...['DELETE /api/delete', 'POST /api/pull', 'POST /v1/load_lora_adapter', 'POST /v1/model/load'],
  ...['POST /v1/internal/model/unload', 'DELETE /v1/models/m'],
]
const spell: readonly ((path: string) => string)[] = [
  (path) => `${path}/`,
  (path) => path.replaceAll('/', '//'),
  (path) => path.replace(/[a-z](?=[^/]*$)/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
  (path) => path.replace(/[a-z](?=[^/]*$)/, (letter) => `%25${letter.charCodeAt(0).toString(16)}`),
  (path) => path.replace(/[^/]*$/, (name) => name.toUpperCase()),
  (path) => `${path};x=y`,
  (path) => `${path}.`,
  (path) => `${path}%00`,
  (path) => `${path}?x=/v1/chat/completions`,
]
const headers =
  'X-HTTP-Method-Override: DELETE\r\nX-Original-URL: /api/delete\r\nX-Rewrite-URL: /api/delete\r\n'

async function withEveryKind(t: TestContext, engine: string, http_server: string) {
  const upstream = await startRawUpstream(
    t,
    ({ socket }) => void socket.write(jsonAnswer('{"data":[{"id":"m"}]}')),
  )
  const kinds = [
    'ollama',
    'openai-compatible',
    'vllm',
    'litellm',
    'llamacpp',
    'sglang',
    'lm-studio',
    'lemonade',
  ]
  const gateway = await startGateway(
    t,
    kinds.map((type) => ({ url: `${upstream.url}/${type}`, name: type, type, preserve_path: true })),
    { proxy: engineOf(engine), server: { http_server } },
    { awaitRoutable: 0 },
  )
  const ask = async (method: string, target: string) => {
    const before = upstream.requests.length
    const body = '{"model":"m"}'
    const answer = await rawExchange(
      gateway.port,
      `${method} ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`,
    )
    // Probes and model lists of the gateway itself are GETs.
    const sent = upstream.requests.slice(before).filter(({ head }) => !head.startsWith('GET '))
    return { status: Number(answer.split(' ')[1]), sent: sent.map(({ head }) => head.split('\r\n', 1)[0]) }
  }
  return ask
}

for (const engine of engines) {
  for (const http_server of ['own', 'node']) {
    describe(`management with the ${engine} engine and the ${http_server} server`, () => {
      it('reaches no endpoint by any mount, spelling or target form', async (t) => {
        const ask = await withEveryKind(t, engine, http_server)
        const cases: [string, string][] = []
        for (const mount of mounts) {
          for (const operation of operations) {
            const [method = '', path = ''] = operation.split(' ')
            cases.push([method, mount + path], [method, `http://localhost${mount}${path}`])
            // The mount is cut off before the path is looked at.
            if (!spelt.has(mount)) continue
            for (const change of spell) cases.push([method, mount + change(path)])
          }
        }
        const letIn: string[] = []
        for (let at = 0; at < cases.length; at += 40) {
          const batch = cases.slice(at, at + 40).map(async ([method, target]) => {
            const { status, sent } = await ask(method, target)
            if (status < 400 || sent.length > 0) letIn.push(`${method} ${target} -> ${status} ${sent.join()}`)
          })
          await Promise.all(batch)
        }
        assert.deepEqual(letIn, [])
        assert.ok(cases.length > 300)
      })
    })
  }
}
