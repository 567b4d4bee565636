import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { engineOf, engines } from '../integration/engines.ts'
import { startGateway } from '../support/gateway.ts'
import {
  asksForSummary,
  chatModel,
  codexPrompt,
  gatewaysPrompt,
  resultIn,
  startChatServer,
  summary,
} from './chat-server.ts'
import { codex, codexArgs, emptyHome, missing, runClient } from './run-client.ts'

const file = 'secret.txt'
/** Codex compacts a conversation that has more tokens. */
const limitTokens = 20_000

interface Row {
  readonly title: string
  readonly name: string
  readonly prompt: string
}

const ways: readonly Row[] = [
  { title: 'that the gateway makes for it', name: 'OpenAI', prompt: gatewaysPrompt },
  { title: 'that it makes itself', name: 'olla', prompt: codexPrompt },
]

for (const engine of engines) {
  for (const { title, name, prompt } of ways) {
    describe(`Codex with a compaction ${title}, engine ${engine}`, { skip: missing(codex) }, () => {
      it('goes on after it, through an endpoint with nothing but chat completions', async (t) => {
        const secret = randomUUID()
        const home = await emptyHome(t)
        await writeFile(join(home, file), `${secret}\n`)
        // The first answer calls a tool and fills the context.
        const server = await startChatServer(t, `cat ${file}`, (answer) =>
          answer === 0 ? 10 * limitTokens : 100,
        )
        const gateway = await startGateway(
          t,
          [{ url: server.url, type: 'openai-compatible', name: 'chat-only' }],
          { proxy: engineOf(engine) },
        )
        const args = [
          ...codexArgs(gateway.url, chatModel, name),
          ...['-c', `model_auto_compact_token_limit=${limitTokens}`, '-c', 'model_context_window=1000000'],
          ...['--dangerously-bypass-approvals-and-sandbox', `What is in ${file}?`],
        ]
        const ran = await runClient(t, codex, args, { OPENAI_API_KEY: 'any' }, { home })
        const said = `${ran.stdout}\n${ran.stderr}`
        assert.equal(ran.code, 0, said)
        assert.ok(ran.stdout.includes(secret), said)
        const at = server.asked.findIndex(asksForSummary)
        assert.ok(at > 0, `no summary was asked for: ${said}`)
        const next = server.asked[at + 1] ?? assert.fail(said)
        const text = JSON.stringify(next.messages)
        assert.ok(text.includes(summary), text)
        assert.ok(text.includes(`What is in ${file}?`), text)
        assert.equal(resultIn(next), undefined, 'the result is part of the summary')
        assert.ok(JSON.stringify(server.asked[at]?.messages).includes(prompt), said)
        // After the compaction the model reads the file again.
        assert.ok(ran.stdout.includes('It printed: '), said)
      })
    })
  }
}
