/** An engine may answer every probe and model list for hours although it generates nothing. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { postChat, startGateway } from '../support/gateway.ts'
import { jsonAnswer, startRawUpstream } from '../support/raw-upstream.ts'
import { eventually } from '../support/simulator.ts'
import { engineOf, engines } from './engines.ts'

const threshold = 3
const chats = 20

const answers = {
  'sends nothing': () => undefined,
  'sends the head of a stream and nothing more': () =>
    'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n',
}

for (const engine of engines) {
  for (const [title, answer] of Object.entries(answers)) {
    describe(`an engine that passes its probes but ${title}, engine ${engine}`, () => {
      it('is taken out by its requests, stays out while probes succeed, and fails none of them', async (t) => {
        let isDeaf = true
        const deaf = await startRawUpstream(t, ({ socket }) => {
          if (isDeaf) socket.write(answer() ?? '')
          else socket.write(stream())
        })
        const good = await startRawUpstream(t, ({ socket }) => void socket.write(stream()))
        const gateway = await startGateway(
          t,
          [
            { url: deaf.url, name: 'deaf', priority: 200, health_check_url: '/health', check_interval: '1s' },
            { url: good.url, name: 'good', priority: 100, health_check_url: '/health', check_interval: '1s' },
          ],
          {
            proxy: {
              ...engineOf(engine),
              response_header_timeout: '300ms',
              first_content_wait: '300ms',
              read_timeout: '300ms',
              circuit_breaker: { failure_threshold: threshold, open_duration: '1h' },
            },
          },
        )
        for (let chat = 0; chat < chats; chat++) {
          const response = await postChat(gateway.url, { stream: true })
          const text = await response.text()
          assert.equal(response.status, 200, text)
          assert.match(text, /hello/)
        }
        const asked = posts(deaf)
        assert.ok(asked >= 1 && asked <= threshold, `${asked} of ${chats} chats went to the deaf engine`)
        const probedAt = await lastProbe(gateway.url)
        await eventually(async () => (await lastProbe(gateway.url)) !== probedAt)
        isDeaf = false
        await (await postChat(gateway.url, { stream: true })).text()
        assert.equal(posts(deaf), asked, 'a probe that succeeds does not put it back')
      })
    })
  }
}

function stream(): string {
  const event = 'data: {"id":"x","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":'
  const body = `${event}{"content":"hello"}}]}\n\n${event}{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n`
  return jsonAnswer(body).replace('application/json', 'text/event-stream')
}

function posts({ requests }: { readonly requests: readonly { readonly head: string }[] }): number {
  return requests.filter(({ head }) => head.startsWith('POST')).length
}

async function lastProbe(url: string): Promise<string | undefined> {
  const { endpoints } = (await (await fetch(`${url}/internal/status/endpoints`)).json()) as {
    endpoints: readonly { readonly name: string; readonly health_check_at?: string }[]
  }
  return endpoints.find(({ name }) => name === 'deaf')?.health_check_at
}
