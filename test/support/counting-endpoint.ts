import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

/** How an answer ends: complete, broken by the endpoint, or when the client leaves. */
export type Ending = 'complete' | 'cut' | 'held'

/** A request's model is `m`; its user names how the answer ends, and after how many tokens. */
export const chatThat = (ending: Ending, tokens: number, stream = true) =>
  JSON.stringify({
    model: 'm',
    stream,
    user: `${ending} ${tokens}`,
    messages: [{ role: 'user', content: 'hi' }],
  })

const promptTokens = 7

/** An endpoint that counts the tokens that it reads and sends. */
export async function startCountingEndpoint(t: TestContext) {
  const sent = { answers: 0, promptTokens: 0, completionTokens: 0 }
  const server = createServer(async (request, response) => {
    if (request.method === 'GET') {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ object: 'list', data: [{ id: 'm' }] }))
      return
    }
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = JSON.parse(Buffer.concat(chunks).toString()) as { user: string; stream?: boolean }
    const [ending, tokens] = body.user.split(' ')
    answer(response, ending as Ending, Number(tokens), body.stream === true)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sent }

  function answer(response: ServerResponse, ending: Ending, tokens: number, isStream: boolean): void {
    sent.answers++
    sent.completionTokens += tokens
    sent.promptTokens += promptTokens
    const usage = {
      prompt_tokens: promptTokens,
      completion_tokens: tokens,
      total_tokens: promptTokens + tokens,
    }
    if (!isStream) {
      response.setHeader('content-type', 'application/json')
      const message = { role: 'assistant', content: 'x'.repeat(tokens) }
      response.end(
        JSON.stringify({ id: 'c', choices: [{ index: 0, message, finish_reason: 'stop' }], usage }),
      )
      return
    }
    response.setHeader('content-type', 'text/event-stream')
    const event = (data: unknown) => `data: ${JSON.stringify(data)}\n\n`
    for (let at = 0; at < tokens; at++)
      response.write(event({ id: 'c', choices: [{ index: 0, delta: { content: 'x' } }] }))
    if (ending === 'held') return
    if (ending === 'cut') {
      // What was written before arrives before the reset.
      setTimeout(() => response.destroy(), 20)
      return
    }
    response.write(event({ id: 'c', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }))
    response.write(event({ id: 'c', choices: [], usage }))
    response.end('data: [DONE]\n\n')
  }
}

/** Sends a request and reads its answer; one that is held is left once its tokens have arrived. */
export async function askFor(
  url: string,
  headers: Readonly<Record<string, string>>,
  ending: Ending,
  tokens: number,
  stream = true,
): Promise<void> {
  const leaving = new AbortController()
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers,
    body: chatThat(ending, tokens, stream),
    signal: leaving.signal,
  })
  let text = ''
  try {
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk
      if (ending === 'held' && text.split('"content"').length > tokens) leaving.abort()
    }
  } catch (error) {
    if (ending === 'complete') throw error
  }
}
