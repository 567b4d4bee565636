/** Keys whose effect needs a stream that begins without content. */
import type { TestContext } from 'node:test'
import { chatBody } from '../../support/gateway.ts'
import { chunk, sseHead, startRawUpstream } from '../../support/raw-upstream.ts'
import { type LiveCase, type Scene, soon } from './live-case.ts'

const idle = `data: ${JSON.stringify({
  id: 'c1',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'only',
  choices: [{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }],
})}\n\n`

async function prepareIdleStream(t: TestContext) {
  const { url } = await startRawUpstream(t, ({ socket }) => void socket.write(sseHead + chunk(idle)), {
    models: ['only'],
  })
  return { url }
}

/** Whether the client gets the first event of a stream that has no content yet. */
async function firstEvent({ gateway, patienceMs }: Scene) {
  return soon({ patienceMs }, async (signal) => {
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', connection: 'close' },
      body: chatBody({ model: 'only', stream: true }),
      signal,
    })
    const { value } = (await response.body?.getReader().read()) ?? {}
    return new TextDecoder().decode(value).includes('"role":"assistant"')
  })
}

export const streamCases: readonly LiveCase[] = [
  {
    key: 'proxy.first_content_wait',
    before: { proxy: { first_content_wait: '60s' } },
    after: { proxy: { first_content_wait: '50ms' } },
    prepare: prepareIdleStream,
    see: firstEvent,
    from: 'pending',
    to: true,
    isSteady: true,
  },
]
