import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import Anthropic from '@anthropic-ai/sdk'
import { Ollama } from 'ollama'
import OpenAI from 'openai'
import { startGateway } from '../support/gateway.ts'
import { startHeldEndpoint } from '../support/held-endpoint.ts'
import { eventually } from '../support/simulator.ts'
import { engineOf, engines } from './engines.ts'

const chat = { model: 'm', messages: [{ role: 'user' as const, content: 'hi' }] }

for (const engine of engines) {
  describe(`a client that waits for the ${engine} engine`, () => {
    /** One place that is taken; what else is asked waits until `serve`. */
    async function start(t: TestContext, queue: Readonly<Record<string, unknown>>) {
      const upstream = await startHeldEndpoint(t, ['m'])
      const gateway = await startGateway(
        t,
        [{ url: upstream.url, name: 'box', type: 'openai', max_concurrent: 1 }],
        { proxy: { ...engineOf(engine), queue: { progress_interval: '20ms', ...queue } } },
      )
      const post = (path: string, body: object) =>
        fetch(`${gateway.url}${path}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        })
      const first = post('/v1/chat/completions', chat).then((answer) => answer.text())
      await eventually(() => upstream.held.length === 1)
      /** Lets the place be free once the client has heard a few events. */
      const serve = async (heard: () => boolean) => {
        await eventually(heard)
        upstream.answer()
        await first
        await eventually(() => upstream.held.length === 1)
        upstream.answer()
      }
      return { upstream, gateway, post, serve }
    }

    /** A `fetch` that counts the bytes of the answers as they arrive. */
    function listening() {
      const heard = { text: '' }
      const fetching: typeof fetch = async (input, init) => {
        const response = await fetch(input, init)
        const decoder = new TextDecoder()
        const body = response.body?.pipeThrough(
          new TransformStream<Uint8Array, Uint8Array>({
            transform(chunk, controller) {
              heard.text += decoder.decode(chunk, { stream: true })
              controller.enqueue(chunk)
            },
          }),
        )
        return new Response(body ?? null, response)
      }
      return { heard, fetching }
    }

    for (const show of ['off', 'reasoning']) {
      it(`reads a stream of Chat Completions with its SDK, progress ${show}`, async (t) => {
        const { gateway, serve } = await start(t, { early_headers: true, show_progress: show })
        const { heard, fetching } = listening()
        const client = new OpenAI({
          apiKey: 'x',
          baseURL: `${gateway.url}/v1`,
          fetch: fetching,
          maxRetries: 0,
        })
        const read = (async () => {
          let text = ''
          let thought = ''
          for await (const { choices } of await client.chat.completions.create({ ...chat, stream: true })) {
            const delta: { content?: string | null; reasoning_content?: string } = choices[0]?.delta ?? {}
            text += delta.content ?? ''
            thought += delta.reasoning_content ?? ''
          }
          return { text, thought }
        })()
        await serve(() => heard.text.split('position 1').length > 4)
        const { text, thought } = await read
        assert.equal(text, 'hello')
        assert.equal(/Waiting in line: position 1/.test(thought), show === 'reasoning')
      })

      it(`reads a stream of Ollama with its SDK, progress ${show}`, async (t) => {
        const { gateway, serve } = await start(t, { early_headers: true, show_progress: show })
        let answers = 0
        const { heard, fetching } = listening()
        const counting: typeof fetch = async (input, init) => {
          const answer = await fetching(input, init)
          answers++
          return answer
        }
        const client = new Ollama({ host: gateway.url, fetch: counting })
        const read = (async () => {
          let text = ''
          let thought = ''
          for await (const part of await client.chat({ ...chat, stream: true })) {
            text += part.message.content
            thought += part.message.thinking ?? ''
          }
          return { text, thought }
        })()
        // Without lines that its clients accept, only the headers come early.
        await serve(() => (show === 'off' ? answers === 1 : heard.text.split('position 1').length > 4))
        const { text, thought } = await read
        assert.equal(text, 'hello')
        assert.equal(/Waiting in line: position 1/.test(thought), show === 'reasoning')
      })
    }

    it('reads a stream of Messages with its SDK', async (t) => {
      const { gateway, serve } = await start(t, { early_headers: true, show_progress: 'reasoning' })
      const { heard, fetching } = listening()
      const client = new Anthropic({ apiKey: 'x', baseURL: gateway.url, fetch: fetching, maxRetries: 0 })
      const read = client.messages.stream({ ...chat, max_tokens: 10 }).finalText()
      await serve(() => heard.text.split('event: ping').length > 4)
      assert.equal(await read, 'hello')
    })

    it('reads a stream of Responses with its SDK', async (t) => {
      const { gateway, serve } = await start(t, { early_headers: true })
      const { heard, fetching } = listening()
      const client = new OpenAI({ apiKey: 'x', baseURL: `${gateway.url}/v1`, fetch: fetching, maxRetries: 0 })
      const read = (async () => {
        let text = ''
        for await (const event of await client.responses.create({ model: 'm', input: 'hi', stream: true }))
          if (event.type === 'response.output_text.delta') text += event.delta
        return text
      })()
      await serve(() => heard.text.split('position 1').length > 4)
      assert.equal(await read, 'hello')
    })

    it('reads a whole answer after white space', async (t) => {
      const { gateway, serve } = await start(t, { json_padding: true })
      const { heard, fetching } = listening()
      const client = new OpenAI({ apiKey: 'x', baseURL: `${gateway.url}/v1`, fetch: fetching, maxRetries: 0 })
      // The SDK reads the body once something waits for it.
      const read = client.chat.completions.create(chat).then((answer) => answer)
      await serve(() => heard.text.length > 4)
      assert.equal((await read).choices[0]?.message.content, 'hello')
      assert.match(heard.text, /^ +\{/)
    })

    it('hears an error in its stream, or as JSON after white space, if it waits too long', async (t) => {
      const { post } = await start(t, { early_headers: true, json_padding: true, max_wait: '200ms' })
      const cases = [
        [
          '/v1/chat/completions',
          { ...chat, stream: true },
          /^: .*\n\ndata: \{"error":.*no place became free/s,
        ],
        [
          '/v1/messages',
          { ...chat, max_tokens: 5, stream: true },
          /event: ping.*event: error\ndata: .*free/s,
        ],
        ['/api/chat', { ...chat, stream: true }, /^\{"error":".*no place became free/],
        ['/v1/chat/completions', chat, /^ +\{"error":.*no place became free/],
      ] as const
      for (const [path, body, expected] of cases) {
        const answer = await post(path, body)
        assert.equal(answer.status, 200)
        let text = ''
        const decoder = new TextDecoder()
        try {
          for await (const chunk of answer.body ?? []) text += decoder.decode(chunk, { stream: true })
        } catch {
          // A stream that ends in an error is cut.
        }
        assert.match(text, expected)
      }
    })

    it('hears nothing before its answer by default', async (t) => {
      const { post, serve, gateway } = await start(t, {})
      let hasHeaders = false
      const answer = post('/v1/chat/completions', { ...chat, stream: true }).then((response) => {
        hasHeaders = true
        return response
      })
      await eventually(async () =>
        /^olla_queue_waiting 1$/m.test(await (await fetch(`${gateway.url}/internal/metrics`)).text()),
      )
      await new Promise((next) => setTimeout(next, 60))
      assert.equal(hasHeaders, false)
      await serve(() => true)
      const response = await answer
      assert.equal(response.headers.get('x-olla-queue-position'), '1')
      assert.ok((await response.text()).startsWith('data: '))
    })
  })
}
