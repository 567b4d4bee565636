import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'yaml'
import { clientNames } from '../../src/admin/clients/client-config.ts'
import { formats } from '../../src/dialects/all.ts'
import { startGateway } from '../support/gateway.ts'
import { withSimulator } from '../support/simulator.ts'

const model = 'qwen3:8b'

interface Call {
  readonly url: string
  readonly body: Readonly<Record<string, unknown>>
}

const messages = [{ role: 'user', content: 'Count to three' }]
const chat = (base: string, name: unknown): Call => ({
  url: `${base}/chat/completions`,
  body: { model: name, messages, stream: true },
})
const claude = (base: string, name: unknown): Call => ({
  url: `${base}/v1/messages`,
  body: { model: name, messages, max_tokens: 9, stream: true },
})
const ollama = (base: string, name: unknown): Call => ({
  url: `${base}/api/chat`,
  body: { model: name, messages },
})

/** The variables that a shell script sets. */
function variables(text: string): Record<string, string> {
  const found = text.matchAll(/^export (\w+)=(\S+)$|-e (\w+)=(\S+)/gm)
  return Object.fromEntries(
    [...found].map(([, name = '', value = '', other = '', its = '']) => [name || other, value || its]),
  )
}

/** The requests that a program sends with its configuration. */
const callsOf: Record<(typeof clientNames)[number], (text: string) => Call[]> = {
  opencode: (text) => {
    const { options, models } = JSON.parse(text).provider.olla
    return [chat(options.baseURL, Object.keys(models)[0])]
  },
  'claude-code': (text) => {
    const {
      ANTHROPIC_BASE_URL: base = '',
      ANTHROPIC_MODEL: name,
      ANTHROPIC_DEFAULT_HAIKU_MODEL: small,
    } = variables(text)
    return [claude(base, name), claude(base, small)]
  },
  codex: (text) => {
    const {
      base_url: base,
      model: name,
      wire_api: api,
    } = Object.fromEntries(
      [...text.matchAll(/^(\w+) = "(.*)"$/gm)].map(([, key = '', value = '']) => [key, value]),
    )
    assert.equal(api, 'responses')
    const input = [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Count' }] }]
    const body = { model: name, instructions: 'Be brief.', input, store: false, stream: true }
    return [{ url: `${base}/responses`, body }]
  },
  continue: (text) => {
    const [first] = parse(text).models
    return [chat(first.apiBase, first.model)]
  },
  'open-webui': (text) => {
    const { OPENAI_API_BASE_URL: openai = '', OLLAMA_BASE_URL: base = '' } = variables(text)
    return [chat(openai, model), ollama(base, model)]
  },
  crush: (text) => {
    const { base_url: base, models } = JSON.parse(text).providers.olla
    return [chat(base, models[0].id)]
  },
  zed: (text) => {
    const { api_url: base, available_models: models } =
      JSON.parse(text).language_models.openai_compatible['olla-gateway']
    return [chat(base, models[0].name)]
  },
  env: (text) => {
    const {
      OPENAI_BASE_URL: openai = '',
      OLLAMA_HOST: host = '',
      ANTHROPIC_BASE_URL: anthropic = '',
    } = variables(text)
    return [chat(openai, model), ollama(host, model), claude(anthropic, model)]
  },
}

describe('the configuration of a client', () => {
  for (const { name, path } of formats) {
    it(`works if all endpoints have only ${path}`, async (t) => {
      const simulator = await withSimulator(t, { kind: 'ollama', models: [model], name })
      const profile = {
        name: `only-${name}`,
        routing: { prefixes: [`only-${name}`] },
        api: {
          openai_compatible: name === 'chat',
          paths: [path],
          ...(name === 'messages' ? { anthropic_support: { enabled: true, messages_path: path } } : {}),
        },
      }
      const gateway = await startGateway(
        t,
        [{ url: simulator.url, type: profile.name }],
        {},
        { gateway: { profiles: [profile] } },
      )
      for (const client of clientNames) {
        const text = await (await fetch(`${gateway.url}/internal/clients/${client}`)).text()
        for (const { url, body } of callsOf[client](text)) {
          assert.ok(url.startsWith(gateway.url), `${client}: ${url}`)
          assert.equal(body.model, model, `${client}: ${text}`)
          const response = await fetch(url, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify(body),
          })
          const answer = await response.text()
          assert.equal(response.status, 200, `${client} at ${url}: ${answer}`)
          assert.match(answer, /quick/, `${client} at ${url}`)
        }
      }
    })
  }
})
