import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { engineOf, engines } from '../integration/engines.ts'
import { startGateway } from '../support/gateway.ts'
import type { Answered, Ask, Client, Meaning } from './asks/ask.ts'
import { chat } from './asks/chat.ts'
import { completions } from './asks/completions.ts'
import { messages } from './asks/messages.ts'
import { ollamaChat, ollamaGenerate } from './asks/ollama.ts'
import { responses } from './asks/responses.ts'
import { asks, ownRefusals, serverLimits } from './asks/table.ts'
import { type LlamaServer, skipReason, startLlamaServer } from './llama-server.ts'
import { profileFolder, type ServerApi, serverApis } from './profiles.ts'

const clients: readonly Client[] = [chat, completions, responses, messages, ollamaChat, ollamaGenerate]
const all = Object.keys(serverApis) as ServerApi[]
const isServerApi = (format: string): format is ServerApi => format in serverApis

/** The ways in which a client's request may reach the server, as names of profiles with the APIs that they leave on. */
const ways: Readonly<Record<string, readonly ServerApi[]>> = {
  everything: all,
  ...Object.fromEntries(all.map((api) => [`without-${api}`, all.filter((each) => each !== api)])),
  ...Object.fromEntries(all.map((api) => [`only-${api}`, [api]])),
}

interface Servers {
  readonly says: LlamaServer
  readonly calls: LlamaServer
  readonly thinks: LlamaServer
  readonly profiles: string
}

for (const engine of engines) {
  describe(`a real llama.cpp server means the same passed through and translated, engine ${engine}`, {
    skip: skipReason(),
  }, () => {
    it('for every client', async (t) => {
      const [says, calls, thinks] = await Promise.all([
        startLlamaServer(t, { behaviour: 'says', model: 'says' }),
        startLlamaServer(t, { behaviour: 'calls', model: 'calls' }),
        startLlamaServer(t, { behaviour: 'thinks', model: 'thinks' }),
      ])
      const servers: Servers = { says, calls, thinks, profiles: await profileFolder(t, ways) }
      const expected = await expectedMeanings(servers)
      for (const way of Object.keys(ways).filter(
        (each) => engine === engines[0] || !each.startsWith('only-'),
      )) {
        await t.test(way, async (inner) => {
          const gateway = await gatewayFor(inner, servers, engine, way)
          for (const client of clients.filter((each) => concerns(way, each))) {
            for (const ask of asks.filter((each) => client.canAsk(each))) {
              const wanted = expected.get(ask)
              assert.ok(wanted !== undefined, ask.name)
              for (const form of ['whole', 'stream'] as const) {
                await inner.test(`${client.format}, ${ask.name}, ${form}`, () =>
                  check({ client, ask, way, form, gateway, wanted }),
                )
              }
            }
          }
        })
      }
    })
  })
}

/** Switching off one API concerns its own clients; the others are covered by the ways with one API alone. */
function concerns(way: string, { format }: Client): boolean {
  const [, only] = /^only-(.+)$/.exec(way) ?? []
  // A plain prompt goes through no template, so a model answers something else to a chat.
  if (only === 'completions' || only === format) return false
  const [, without] = /^without-(.+)$/.exec(way) ?? []
  return without === undefined || without === format
}

function gatewayFor(
  t: TestContext,
  { says, calls, thinks, profiles }: Servers,
  engine: string,
  type: string,
) {
  return startGateway(
    t,
    [
      { url: says.url, name: 'says', type },
      { url: calls.url, name: 'calls', type },
      { url: thinks.url, name: 'thinks', type },
    ],
    { proxy: engineOf(engine), profiles: { directory: profiles } },
  )
}

/** What the server's own chat API answers without a gateway. */
async function expectedMeanings(servers: Servers): Promise<ReadonlyMap<Ask, Meaning>> {
  const expected = new Map<Ask, Meaning>()
  for (const ask of asks) {
    const { url } = servers[ask.model]
    expected.set(ask, (await chat.whole(url, ask)).meaning)
  }
  return expected
}

interface Cell {
  readonly client: Client
  readonly ask: Ask
  readonly way: string
  readonly form: 'whole' | 'stream'
  readonly gateway: { readonly url: string }
  readonly wanted: Meaning
}

async function check({ client, ask, way, form, gateway, wanted }: Cell): Promise<void> {
  const { format } = client
  const apis = ways[way] ?? []
  if (isRefused(ask, format, apis)) {
    await assert.rejects(client[form](gateway.url, ask), /have no API that supports: /)
    return
  }
  const { meaning, mode } = await client[form](gateway.url, ask)
  const isOwn =
    servesOwn(ask, format, apis) && !(apis.length > 1 && ownRefusals.get(format)?.includes(ask.name) === true)
  assert.equal(mode, modeOf(format, isOwn, apis))
  assert.deepEqual(
    comparable(meaning, ask, format),
    comparable(explained(wanted, format, isOwn, ask), ask, format),
  )
}

/** Whether the server's own route can serve a client's request. */
function servesOwn(ask: Ask, format: string, apis: readonly ServerApi[]): boolean {
  return isServerApi(format) && apis.includes(format) && serverLimits.get(format)?.includes(ask.name) !== true
}

/** Whether none of the APIs can serve it. */
function isRefused(ask: Ask, format: string, apis: readonly ServerApi[]): boolean {
  // Evaluations read them: of a continuation without a template, which only Completions give.
  if (format === 'completions' && ask.logprobs === true) return !apis.includes('completions')
  // A plain prompt is no chat.
  return (
    apis.every((api) => api === 'completions' || serverLimits.get(api)?.includes(ask.name) === true) &&
    !servesOwn(ask, format, apis)
  )
}

/** Messages are translated to chat completions without the header, as in Olla. */
function modeOf(format: string, isOwn: boolean, apis: readonly ServerApi[]): Answered['mode'] {
  if (isOwn) return 'passthrough'
  return format === 'messages' && apis.includes('chat') ? 'none' : 'translated'
}

/** What a client must get, with what llama.cpp's own routes are known to say differently. */
function explained(wanted: Meaning, format: string, isOwn: boolean, ask: Ask): Meaning {
  if (!isOwn) return wanted
  // Its Responses API calls an answer that max_output_tokens ended completed.
  if (format === 'responses' && wanted.ending === 'length')
    return { ...wanted, ending: ask.hasTool ? 'calls' : 'stop' }
  // Its Completions API reports log probabilities in the form of a chat.
  if (format === 'completions') return { ...wanted, logprobs: [] }
  return wanted
}

/** What can be compared. */
function comparable(meaning: Meaning, ask: Ask, format: string): object {
  const { text, reasoning, calls, ending, inputTokens, outputTokens, logprobs } = meaning
  // Whether and how APIs report a call that is cut is not defined; why the answer ended is.
  if (ask.isCut === true) return { ending: ending === 'calls' ? 'calls' : ending }
  return {
    text: ask.isStructured === true ? JSON.parse(text) : text,
    reasoning,
    calls,
    ending,
    // A plain prompt goes through the template only if a chat API serves it.
    ...(format === 'completions' ? {} : { inputTokens }),
    // The white space of JSON is the sampler's choice, and not every API has a seed.
    ...(ask.isStructured === true ? {} : { outputTokens }),
    // A stream leaves out the token that ends the answer.
    logprobs: logprobs.filter(({ token }) => token !== ''),
  }
}
