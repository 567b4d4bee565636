import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { createKey } from '../../src/callers/keys/key-text.ts'
import { adminOf, callersSecret, configuredKey } from '../support/callers.ts'
import { folder, listening, run } from '../support/command.ts'
import { startScriptedEndpoint } from '../support/scripted-endpoint.ts'
import { eventually } from '../support/simulator.ts'

const answer = {
  id: 'x',
  choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 5, completion_tokens: 5, total_tokens: 10 },
}

/** Everything that a process has written to its folder; a database keeps no key either. */
async function filesIn(path: string): Promise<string> {
  let text = ''
  for (const entry of await readdir(path, { withFileTypes: true, recursive: true })) {
    if (entry.isFile() && entry.name !== 'config.yaml' && !entry.name.endsWith('.secret'))
      text += await readFile(join(entry.parentPath, entry.name), 'latin1')
  }
  return text
}

describe('a key', () => {
  for (const [format, threads, end] of [
    ['json', 1, 'SIGTERM'],
    ['text', 2, 'SIGABRT'],
  ] as const)
    it(`appears in no output of a process: ${format}, ${threads} threads, ${end}`, async (t) => {
      let ending: 'answer' | 'error' | 'reset' = 'answer'
      const endpoint = await startScriptedEndpoint(t, ['m'], ({ headers }) =>
        ending === 'reset'
          ? 'reset'
          : ending === 'error'
            ? { status: 500, body: { error: { message: `no ${headers.authorization}` } } }
            : { body: { ...answer, headers } },
      )
      const own = configuredKey('own', { limits: { requests_per_minute: 60 } })
      const config = {
        server: { host: '127.0.0.1', port: 0, threads, shutdown_timeout: '1s' },
        logging: { level: 'debug', format },
        proxy: { sticky_sessions: { enabled: true }, retry_backoff: '1ms', max_retries: 1 },
        translators: { anthropic: { enabled: true, inspector: { enabled: true, output_dir: 'inspected' } } },
        discovery: { static: { endpoints: [{ url: endpoint.url, name: 'gpu', type: 'openai' }] } },
        callers: { store: 'callers.db', secret: callersSecret, keys: [own.entry] },
      }
      const cwd = await folder({ 'config.yaml': JSON.stringify(config) })
      const running = run(t, [], { cwd })
      const url = await listening(running)
      const made = await adminOf(url)('POST', '/keys', { name: 'made' })
      const rotated = await adminOf(url)('POST', '/keys/made/rotate', { overlap_seconds: 60 })
      const keys = [own.key, String(made.body.key), String(rotated.body.key), createKey(), 'sk-short']
      const texts: string[] = []
      const chat = JSON.stringify({ model: 'm', max_tokens: 5, messages: [{ role: 'user', content: 'x' }] })
      await eventually(async () => (await fetch(`${url}/internal/ready`)).status === 200)
      for (ending of ['answer', 'error', 'reset'] as const)
        for (const key of ending === 'answer' ? keys.slice(0, 4) : keys.slice(0, 1))
          for (const headers of [
            { authorization: `Bearer ${key}` },
            { 'x-api-key': key, 'anthropic-version': '2023-06-01' },
            { 'api-key': key, 'user-agent': key, referer: `http://a/?k=${key}`, 'x-olla-session-id': key },
            { authorization: `Basic ${key}`, cookie: `k=${key}`, 'x-forwarded-user': key },
          ])
            for (const [path, body] of [
              ['/v1/chat/completions', chat],
              ['/olla/proxy/v1/chat/completions', chat.replace('"m"', JSON.stringify(key))],
              ['/v1/messages', chat],
              ['/v1/responses', `{"model":"${key}","input":"x"}`],
              ['/api/chat', '{"model":'],
              [`/v1/chat/completions?key=${key}`, chat],
              [`/v1/${key}`, chat],
              ['/v1/models', undefined],
            ] as const) {
              const response = await fetch(`${url}${path}`, {
                method: body === undefined ? 'GET' : 'POST',
                headers,
                ...(body === undefined ? {} : { body }),
              })
              texts.push(`${path.replace(key, '…')} ${JSON.stringify([...response.headers])}`)
              texts.push(await response.text())
            }
      // A request that is no HTTP, and one whose head is too large.
      for (const head of [
        `GARBAGE ${own.key}\r\n\r\n`,
        `GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${own.key}${'x'.repeat(90_000)}\r\n\r\n`,
      ]) {
        const socket = connect(Number(new URL(url).port), '127.0.0.1')
        socket.on('error', () => {})
        socket.end(head)
        socket.resume()
        await once(socket, 'close')
      }
      const openapi = (await (await fetch(`${url}/internal/openapi.json`)).json()) as {
        paths: Record<string, Record<string, unknown>>
      }
      const views = Object.entries(openapi.paths).filter(
        ([path, { get }]) => get !== undefined && !path.includes('{'),
      )
      assert.ok(views.length > 15, String(views.length))
      for (const [path] of views) {
        const response = await fetch(`${url}${path}`, { headers: { 'last-event-id': '0' } })
        if (!/event-stream/.test(response.headers.get('content-type') ?? ''))
          texts.push(await response.text())
        else {
          const reader = response.body?.getReader()
          texts.push(Buffer.from((await reader?.read())?.value ?? []).toString())
          await reader?.cancel()
        }
      }
      const explain = `/internal/explain?model=${own.key}`
      t.diagnostic('views are read')
      texts.push(await (await fetch(`${url}${explain}`)).text())
      const { requests } = JSON.parse(await (await fetch(`${url}/internal/requests`)).text()) as {
        requests: { id: string }[]
      }
      for (const { id } of requests.slice(0, 20))
        texts.push(await (await fetch(`${url}/internal/requests/${id}`)).text())
      running.child.kill(end)
      await running.exit
      assert.ok(running.output().length > 10_000)
      const upstream = JSON.stringify(
        endpoint.calls.map(({ path, query, headers }) => ({ path, query, headers })),
      )
      assert.ok(endpoint.calls.length > 20, String(endpoint.calls.length))
      const places = {
        answers: texts.join('\n'),
        output: running.output(),
        files: await filesIn(cwd),
        upstream,
      }
      const hash = own.entry.hash.replace('hmac-sha256:', '')
      for (const secret of [...keys.slice(0, 4), callersSecret, hash])
        for (const [place, text] of Object.entries(places)) {
          const at = text.indexOf(secret)
          assert.equal(at, -1, `${place}: ${text.slice(Math.max(0, at - 200), at + 120)}`)
        }
    })
})
