import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { describe, it } from 'node:test'
import Anthropic from '@anthropic-ai/sdk'
import { engineOf, engines } from '../integration/engines.ts'
import { chatBody, postChat, startGateway } from '../support/gateway.ts'
import { eventually } from '../support/simulator.ts'
import { busySlots, contextTokens, sentence, skipReason, startLlamaServer } from './llama-server.ts'

const picture = {
  type: 'image_url',
  image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' },
}

/** A stream whose received bytes are not lost when its connection is cut, as those of `fetch` are. */
async function streamedChat(url: string): Promise<IncomingMessage> {
  const sent = request(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
  })
  sent.end(chatBody({ model: 'tiny', stream: true, max_tokens: -1 }))
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  answer.on('error', () => {})
  return answer
}

async function contentOf(response: Response): Promise<string | undefined> {
  assert.equal(response.status, 200)
  const body = (await response.json()) as { choices: { message: { content: string } }[] }
  return body.choices[0]?.message.content
}

for (const engine of engines) {
  describe(`faults of real llama.cpp servers, engine ${engine}`, { skip: skipReason() }, () => {
    it('frees the slot when the client disconnects', async (t) => {
      const server = await startLlamaServer(t, { behaviour: 'loops' })
      const gateway = await startGateway(t, [{ url: server.url, type: 'llamacpp' }], {
        proxy: engineOf(engine),
      })
      for (const stream of [true, false]) {
        const leaving = new AbortController()
        const answered = postChat(
          gateway.url,
          { model: 'tiny', stream, max_tokens: -1 },
          { signal: leaving.signal },
        ).catch(() => undefined)
        await eventually(async () => (await busySlots(server)) === 1)
        if (stream) await (await answered)?.body?.getReader().read()
        leaving.abort()
        await answered
        await eventually(async () => (await busySlots(server)) === 0)
      }
    })

    it('makes a server killed in mid-stream visible, fails over, and returns to it', async (t) => {
      const first = await startLlamaServer(t, { behaviour: 'loops' })
      const second = await startLlamaServer(t)
      const gateway = await startGateway(
        t,
        [
          { url: first.url, name: 'first', type: 'llamacpp', priority: 200 },
          { url: second.url, name: 'second', type: 'llamacpp', priority: 100 },
        ],
        { proxy: { ...engineOf(engine), load_balancer: 'priority' } },
      )
      const answer = await streamedChat(gateway.url)
      const isOver = new Promise((resolve) => answer.once('close', resolve))
      await once(answer, 'data')
      let text = ''
      answer.on('data', (chunk: Buffer) => {
        text += chunk.toString()
      })
      await first.kill()
      await isOver
      assert.match(text.slice(-1_000), /"code":"upstream_broken"/)
      const moved = await postChat(gateway.url, { model: 'tiny' })
      assert.equal(moved.headers.get('x-olla-endpoint'), 'second')
      assert.equal(await contentOf(moved), sentence)

      await startLlamaServer(t, { port: first.port })
      await eventually(async () => {
        const back = await postChat(gateway.url, { model: 'tiny' })
        assert.equal(await contentOf(back), sentence)
        return back.headers.get('x-olla-endpoint') === 'first'
      })
    })

    it('reports to agents that a prompt is too long, and keeps serving others', async (t) => {
      const server = await startLlamaServer(t)
      for (const passthrough_enabled of [true, false]) {
        const gateway = await startGateway(t, [{ url: server.url, type: 'llamacpp' }], {
          proxy: engineOf(engine),
          translators: { anthropic: { passthrough_enabled } },
        })
        const anthropic = new Anthropic({ baseURL: gateway.url, apiKey: 'any', maxRetries: 0 })
        const content = 'too long '.repeat(1_000)
        for (let time = 0; time < 6; time++) {
          const messages = [{ role: 'user' as const, content }]
          await assert.rejects(
            anthropic.messages.create({ model: 'tiny', max_tokens: 10, messages }),
            (error) =>
              error instanceof Anthropic.BadRequestError &&
              new RegExp(`prompt is too long: \\d+ tokens > ${contextTokens} maximum`).test(error.message),
          )
          assert.equal((await postChat(gateway.url, { model: 'tiny', messages })).status, 400)
        }
        assert.equal(await contentOf(await postChat(gateway.url, { model: 'tiny' })), sentence)
      }
    })

    it('does not take a server out for images to a text model or embeddings of a chat server', async (t) => {
      const server = await startLlamaServer(t)
      const gateway = await startGateway(t, [{ url: server.url, type: 'llamacpp' }], {
        proxy: engineOf(engine),
      })
      for (let time = 0; time < 12; time++) {
        const messages = [{ role: 'user', content: [{ type: 'text', text: 'what is this' }, picture] }]
        const seen = await postChat(gateway.url, { model: 'tiny', messages })
        assert.ok(seen.status >= 400, String(seen.status))
        await seen.arrayBuffer()
        const embedded = await fetch(`${gateway.url}/v1/embeddings`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: '{"model":"tiny","input":"x"}',
        })
        assert.ok(embedded.status >= 400, String(embedded.status))
        await embedded.arrayBuffer()
      }
      assert.equal(await contentOf(await postChat(gateway.url, { model: 'tiny' })), sentence)
    })

    it('finds the server with embeddings among those without', async (t) => {
      const chats = await startLlamaServer(t)
      const embeds = await startLlamaServer(t, { embeddings: true })
      const gateway = await startGateway(
        t,
        [
          { url: chats.url, name: 'chats', type: 'llamacpp' },
          { url: embeds.url, name: 'embeds', type: 'llamacpp' },
        ],
        { proxy: engineOf(engine) },
      )
      for (let time = 0; time < 6; time++) {
        const embedded = await fetch(`${gateway.url}/v1/embeddings`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: '{"model":"tiny","input":"x"}',
        })
        assert.equal(embedded.status, 200)
        assert.equal(embedded.headers.get('x-olla-endpoint'), 'embeds')
        await embedded.arrayBuffer()
      }
    })
  })
}
