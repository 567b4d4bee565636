import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { engineOf, engines } from '../integration/engines.ts'
import { startGateway } from '../support/gateway.ts'
import { type ChatServer, chatModel, resultIn, startChatServer } from './chat-server.ts'
import {
  claude,
  claudeEnv,
  codex,
  codexArgs,
  emptyHome,
  missing,
  ollama,
  ollamaAgent,
  type Ran,
  runClient,
} from './run-client.ts'
import { runInTerminal } from './run-in-terminal.ts'

const file = 'secret.txt'
const question = `What is in ${file}?`

interface Loop {
  readonly url: string
  readonly home: string
}

/** Lets an agent read a file through a gateway whose one endpoint has only chat completions. */
async function loop(
  t: TestContext,
  engine: string,
  translation: string,
  run: (loop: Loop) => Promise<Ran>,
): Promise<{ ran: Ran; server: ChatServer }> {
  const secret = randomUUID()
  const home = await emptyHome(t)
  await writeFile(join(home, file), `${secret}\n`)
  const server = await startChatServer(t, `cat ${file}`)
  const gateway = await startGateway(t, [{ url: server.url, type: 'openai-compatible', name: 'chat-only' }], {
    proxy: engineOf(engine),
  })
  const ran = await run({ url: gateway.url, home })
  const said = `${ran.stdout}\n${ran.stderr}`
  assert.equal(ran.code, 0, said)
  assert.ok(ran.stdout.includes(`It printed: `), said)
  assert.ok(ran.stdout.includes(secret), said)
  const turn = server.asked.findLast((chat) => resultIn(chat) !== undefined)
  assert.ok(turn !== undefined, 'no result came back')
  assert.ok(resultIn(turn)?.includes(secret), resultIn(turn))
  // The result answers the call that was made, in the turn before it.
  const at = turn.messages.findLastIndex(({ role }) => role === 'tool')
  const calls = turn.messages[at - 1]?.tool_calls ?? []
  assert.deepEqual(
    calls.map(({ id }) => id),
    [turn.messages[at]?.tool_call_id],
  )
  assert.deepEqual(await translationsOf(gateway.url), [translation])
  return { ran, server }
}

/** What the gateway's log of requests says of translations. */
async function translationsOf(url: string): Promise<string[]> {
  const log = await fetch(`${url}/internal/requests`)
  const { requests } = (await log.json()) as { requests: { translation?: string }[] }
  return [...new Set(requests.flatMap(({ translation }) => translation ?? []))]
}

for (const engine of engines) {
  describe(`a tool loop through an endpoint with nothing but chat completions, engine ${engine}`, () => {
    it('of Claude Code', { skip: missing(claude) }, async (t) => {
      await loop(t, engine, 'messages to chat', ({ url, home }) =>
        runClient(t, claude, ['-p', question, '--allowedTools', 'Bash'], claudeEnv(url, chatModel), { home }),
      )
    })

    it('of Codex', { skip: missing(codex) }, async (t) => {
      await loop(t, engine, 'responses to chat', ({ url, home }) =>
        runClient(
          t,
          codex,
          [...codexArgs(url, chatModel), '--dangerously-bypass-approvals-and-sandbox', question],
          {},
          { home },
        ),
      )
    })

    it('of the Ollama CLI', { skip: missing(ollamaAgent) }, async (t) => {
      await loop(t, engine, 'ollama-chat to chat', ({ url, home }) =>
        runInTerminal(
          `${ollamaAgent} ${chatModel}`,
          [
            { after: '>>> ', line: question },
            { after: 'It printed: ', line: '' },
            { after: '>>> ', line: '/bye' },
          ],
          { home, env: { OLLAMA_HOST: url } },
        ),
      )
    })

    it('and a question of the Ollama CLI', { skip: missing(ollama) }, async (t) => {
      const server = await startChatServer(t, '')
      const gateway = await startGateway(t, [{ url: server.url, name: 'chat-only' }], {
        proxy: engineOf(engine),
      })
      const env = { OLLAMA_HOST: gateway.url }
      const { code, stdout, stderr } = await runClient(t, ollama, ['run', chatModel, question], env)
      assert.equal(code, 0, stderr)
      assert.equal(stdout.trim(), 'No tool.')
      assert.deepEqual(await translationsOf(gateway.url), ['ollama-generate to chat'])
    })
  })
}
