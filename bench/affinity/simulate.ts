import { parseConfig } from '../../src/config/load.ts'
import { sectionOptions } from '../../src/config/options/sections.ts'
import { buildEndpoints } from '../../src/endpoints/registry/build.ts'
import type { Clock } from '../../src/kernel/clock.ts'
import type { RoutedEndpoint } from '../../src/routing/models/router.ts'
import type { EndpointLoad } from '../../src/routing/selection/selector.ts'
import { Agenda, Fleet, type Part, type Prompt, tokensOf } from './fleet.ts'
import type { PolicyFactory } from './policies.ts'
import { exponential, seeded } from './random.ts'

export interface Scenario {
  readonly name: string
  readonly endpoints: number
  readonly conversations: number
  readonly turns: number
  /** Single-turn requests beside the conversations. */
  readonly singles: number
  readonly systemTokens: number
  readonly userTokens: number
  readonly answerTokens: number
  /** Mean pause between an answer and the next turn. */
  readonly thinkMs: number
  /** Period in which the conversations start. */
  readonly rampMs: number
  /** Conversations that fit in one endpoint's cache. */
  readonly cacheConversations: number
  readonly prefillTokensPerSecond: number
  readonly decodeTokensPerSecond: number
  readonly seed: number
}

export interface Result {
  readonly policy: string
  readonly requests: number
  /** Fraction of all prompt tokens that were in the cache. */
  readonly hitRate: number
  /** Fraction of all requests that the busiest endpoint got. */
  readonly busiestShare: number
  readonly meanFirstTokenMs: number
  readonly p95FirstTokenMs: number
}

/** About four bytes to a token. */
const tokenText = 'word'

export const fleetScenario: Scenario = {
  name: '200 conversations of 10 turns',
  endpoints: 4,
  conversations: 200,
  turns: 10,
  singles: 0,
  systemTokens: 2_000,
  userTokens: 150,
  answerTokens: 250,
  thinkMs: 20_000,
  rampMs: 60_000,
  cacheConversations: 50,
  prefillTokensPerSecond: 4_000,
  decodeTokensPerSecond: 50,
  seed: 1,
}

/** Half of the requests have one turn, at an even rate beside the conversations. */
export const mixedScenario: Scenario = {
  ...fleetScenario,
  name: 'the same, and as many requests of one turn',
  singles: 2_000,
}

export function simulate(scenario: Scenario, createPolicy: PolicyFactory): Result {
  const random = seeded(scenario.seed)
  const agenda = new Agenda()
  const clock: Clock = {
    nowMs: () => agenda.nowMs,
    monotonicMs: () => agenda.nowMs,
    after: () => ({ cancel() {} }),
  }
  const inFlight = new Array<number>(scenario.endpoints).fill(0)
  const load: EndpointLoad = {
    inFlight: (slot) => inFlight[slot] ?? 0,
    share: () => 1,
    penalty: () => 0,
    admits: () => true,
  }
  const policy = createPolicy({ candidates: candidatesFor(scenario.endpoints), load, clock })
  const conversationTokens =
    scenario.systemTokens + scenario.turns * (scenario.userTokens + scenario.answerTokens)
  const fleet = new Fleet({ ...scenario, cacheTokens: scenario.cacheConversations * conversationTokens })

  const requests = new Array<number>(scenario.endpoints).fill(0)
  const firstTokenMs: number[] = []
  let promptTokens = 0
  let cachedTokens = 0

  function ask(conversation: Conversation, answered: (totalMs: number) => void): void {
    const slot = policy.choose(conversation.body())
    inFlight[slot] = (inFlight[slot] ?? 0) + 1
    requests[slot] = (requests[slot] ?? 0) + 1
    const served = fleet.serve(
      slot,
      agenda.nowMs,
      conversation.prompt,
      conversation.part('assistant', scenario.answerTokens),
    )
    promptTokens += tokensOf(conversation.prompt)
    cachedTokens += served.cachedTokens
    firstTokenMs.push(served.firstTokenMs)
    agenda.plan(agenda.nowMs + served.totalMs, () => {
      inFlight[slot] = (inFlight[slot] ?? 0) - 1
      answered(served.totalMs)
    })
  }

  function turn(conversation: Conversation, left: number): void {
    conversation.say('user', scenario.userTokens)
    ask(conversation, () => {
      conversation.say('assistant', scenario.answerTokens)
      if (left > 1) {
        agenda.plan(agenda.nowMs + exponential(random, scenario.thinkMs), () => turn(conversation, left - 1))
      }
    })
  }

  for (let at = 0; at < scenario.conversations; at++) {
    agenda.plan(random() * scenario.rampMs, () => turn(new Conversation(`c${at}`, scenario), scenario.turns))
  }
  const answerMs = (scenario.answerTokens / scenario.decodeTokensPerSecond) * 1000
  const spanMs = scenario.rampMs / 2 + scenario.turns * (scenario.thinkMs + answerMs)
  for (let at = 0; at < scenario.singles; at++) {
    agenda.plan(random() * spanMs, () => turn(new Conversation(`s${at}`, scenario), 1))
  }
  agenda.run()

  const sorted = firstTokenMs.toSorted((a, b) => a - b)
  return {
    policy: policy.name,
    requests: sorted.length,
    hitRate: cachedTokens / promptTokens,
    busiestShare: Math.max(...requests) / sorted.length,
    meanFirstTokenMs: sorted.reduce((sum, each) => sum + each, 0) / sorted.length,
    p95FirstTokenMs: sorted[Math.floor(sorted.length * 0.95)] ?? 0,
  }
}

/** A conversation as a client writes it, and as the fleet's caches see it. */
class Conversation {
  readonly #id: string
  readonly #messages: { role: string; content: string }[]
  readonly #parts: { id: string; tokens: number }[]

  constructor(id: string, { systemTokens }: Scenario) {
    this.#id = id
    this.#messages = [{ role: 'system', content: tokenText.repeat(systemTokens) }]
    this.#parts = [{ id: 'system', tokens: systemTokens }]
  }

  get prompt(): Prompt {
    return { parts: this.#parts }
  }

  say(role: string, tokens: number): void {
    const { id } = this.part(role, tokens)
    this.#messages.push({ role, content: `${id} ${tokenText.repeat(tokens)}` })
    this.#parts.push({ id, tokens })
  }

  part(role: string, tokens: number): Part {
    return { id: `${this.#id}.${this.#messages.length} ${role}`, tokens }
  }

  body(): Buffer {
    return Buffer.from(JSON.stringify({ model: 'm', stream: true, messages: this.#messages }))
  }
}

export function candidatesFor(count: number): RoutedEndpoint[] {
  const { discovery, proxy } = parseConfig({
    discovery: {
      static: {
        endpoints: Array.from({ length: count }, (_, at) => ({
          url: `http://127.0.0.1:${9000 + at}`,
          type: 'auto',
        })),
      },
    },
  })
  return buildEndpoints(discovery.static.endpoints, {
    profile: () => undefined,
    proxy: sectionOptions('proxy', proxy),
  }).map((endpoint) => ({
    endpoint,
    nativeModel: 'm',
    sentModel: undefined,
    isWarm: undefined,
    abilities: undefined,
  }))
}
