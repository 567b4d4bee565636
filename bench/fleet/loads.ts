import type { ClientSpec } from './clients.ts'
import type { EngineSpec } from './engine.ts'
import { fleets } from './fleets.ts'

/** What happens to an engine while the load runs. */
export interface Incident {
  readonly slot: number
  readonly atMs: number
  readonly what: 'slows_down' | 'recovers' | 'dies' | 'returns'
}

export interface Load {
  readonly name: string
  readonly title: string
  readonly fleet: keyof typeof fleets
  readonly engines: readonly EngineSpec[]
  readonly untilMs: number
  readonly clients: readonly ClientSpec[]
  readonly incidents: readonly Incident[]
  /** Whether prompts largely repeat earlier ones, and there is a choice where. */
  readonly repeats: boolean
}

const minute = 60_000

const person = {
  kind: 'person',
  headTokens: 600,
  heads: 4,
  userTokens: [30, 300],
  answerTokens: [100, 500],
  turns: [2, 8],
  thinkMs: 25_000,
  pauseMs: 20_000,
  parallel: 1,
} as const satisfies Partial<ClientSpec>

const agent = {
  kind: 'agent',
  headTokens: 9_000,
  heads: 3,
  userTokens: [100, 2_000],
  answerTokens: [40, 400],
  turns: [10, 30],
  thinkMs: 2_000,
  pauseMs: 5_000,
  parallel: 1,
} as const satisfies Partial<ClientSpec>

const batch = {
  kind: 'batch',
  headTokens: 800,
  heads: 1,
  userTokens: [500, 4_000],
  answerTokens: [20, 200],
  turns: [1, 1],
  thinkMs: 0,
  pauseMs: 200,
} as const satisfies Partial<ClientSpec>

const heavy = { ...batch, kind: 'heavy', parallel: 200 } as const satisfies Partial<ClientSpec>

const ofTeam = ['code-14b']
const ofCluster = ['chat-8b']
const { home, team, cluster } = fleets

export const loads: readonly Load[] = [
  {
    name: 'home-people',
    title: 'home: five people, eight models',
    fleet: 'home',
    engines: home,
    untilMs: 60 * minute,
    clients: [
      {
        ...person,
        count: 5,
        models: [
          'chat-8b',
          'code-7b',
          'tiny-3b',
          'vision-8b',
          'chat-14b',
          'mixture-30b',
          'code-32b',
          'chat-70b',
        ],
      },
    ],
    incidents: [],
    repeats: true,
  },
  {
    name: 'home-agents',
    title: 'home: two agents and a batch job beside two people',
    fleet: 'home',
    engines: home,
    untilMs: 60 * minute,
    clients: [
      {
        ...agent,
        count: 2,
        headTokens: 4_000,
        userTokens: [50, 600],
        turns: [5, 20],
        models: ['code-32b', 'mixture-30b'],
      },
      { ...person, count: 2, models: ['chat-8b', 'vision-8b', 'chat-14b'] },
      { ...batch, count: 1, parallel: 2, userTokens: [200, 1_000], models: ['tiny-3b'] },
    ],
    incidents: [],
    repeats: true,
  },
  {
    name: 'home-swaps',
    title: 'home: a queue of jobs for three models that do not fit together',
    fleet: 'home',
    engines: home.slice(0, 1),
    untilMs: 60 * minute,
    clients: [
      {
        ...batch,
        count: 9,
        parallel: 1,
        userTokens: [200, 1_000],
        models: ['code-32b', 'mixture-30b', 'chat-14b'],
      },
    ],
    incidents: [],
    repeats: false,
  },
  {
    name: 'team-people',
    title: 'team: sixty people',
    fleet: 'team',
    engines: team,
    untilMs: 20 * minute,
    clients: [{ ...person, count: 60, models: ofTeam }],
    incidents: [],
    repeats: true,
  },
  {
    name: 'team-agents',
    title: 'team: sixteen agents and twenty people',
    fleet: 'team',
    engines: team,
    untilMs: 20 * minute,
    clients: [
      { ...agent, count: 16, models: ofTeam },
      { ...person, count: 20, models: ofTeam },
    ],
    incidents: [],
    repeats: true,
  },
  {
    name: 'team-batch',
    title: 'team: batch jobs with nothing in common, and people',
    fleet: 'team',
    engines: team,
    untilMs: 20 * minute,
    clients: [
      { ...batch, count: 6, parallel: 2, heads: 1_000_000, models: ofTeam },
      { ...person, count: 20, heads: 1_000_000, turns: [1, 1], models: ofTeam },
    ],
    incidents: [],
    repeats: false,
  },
  {
    name: 'team-burst',
    title: 'team: thirty people, for two minutes two hundred',
    fleet: 'team',
    engines: team,
    untilMs: 15 * minute,
    clients: [
      { ...person, count: 30, models: ofTeam },
      { ...person, count: 170, pauseMs: 5_000, fromMs: 5 * minute, untilMs: 7 * minute, models: ofTeam },
    ],
    incidents: [],
    repeats: true,
  },
  {
    name: 'team-heavy',
    title: 'team: thirty people and one caller with two hundred requests at a time',
    fleet: 'team',
    engines: team,
    untilMs: 15 * minute,
    clients: [
      { ...person, count: 30, models: ofTeam },
      { ...heavy, count: 1, models: ofTeam },
    ],
    incidents: [],
    repeats: false,
  },
  {
    name: 'team-incidents',
    title: 'team: agents and people; a card slows down four times, another dies and returns',
    fleet: 'team',
    engines: team,
    untilMs: 20 * minute,
    clients: [
      { ...agent, count: 12, models: ofTeam },
      { ...person, count: 20, models: ofTeam },
    ],
    incidents: [
      { slot: 0, atMs: 4 * minute, what: 'slows_down' },
      { slot: 0, atMs: 9 * minute, what: 'recovers' },
      { slot: 4, atMs: 11 * minute, what: 'dies' },
      { slot: 4, atMs: 14 * minute, what: 'returns' },
    ],
    repeats: true,
  },
  {
    name: 'cluster-agents',
    title: 'cluster: eight hundred agents and a thousand people',
    fleet: 'cluster',
    engines: cluster,
    untilMs: 4 * minute,
    clients: [
      { ...agent, count: 800, heads: 12, models: ofCluster },
      { ...person, count: 1_000, heads: 20, models: ofCluster },
    ],
    incidents: [],
    repeats: true,
  },
  {
    name: 'cluster-people',
    title: 'cluster: four thousand people',
    fleet: 'cluster',
    engines: cluster,
    untilMs: 3 * minute,
    clients: [{ ...person, count: 4_000, heads: 50, models: ofCluster }],
    incidents: [],
    repeats: true,
  },
]
