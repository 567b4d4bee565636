import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { type Case, smuggledPath } from './corpus/case.ts'
import { framingCases } from './corpus/framing.ts'
import { headCases } from './corpus/heads.ts'
import { cuts, mutated } from './corpus/mutate.ts'
import { compare, type Outcome, proxyReadsOtherwise } from './support/compare.ts'
import { startProcess } from './support/gateway-process.ts'
import { startPlainNode } from './support/plain-node.ts'
import { startHaproxy, startNginx } from './support/proxies.ts'
import { randomFrom } from './support/random.ts'
import { type Capture, type Delivered, startCapture } from './support/strict-capture.ts'
import { FamilyTable } from './support/table.ts'
import { addressOf, pooled, talk } from './support/talk.ts'

/** Seconds for mutated cases, in all; `ATTACK_SECONDS=600` looks longer. */
const seconds = Number(process.env.ATTACK_SECONDS ?? 20)
const seed = Number(process.env.ATTACK_SEED ?? 1)
/** Every cut of every case, where the run is a long one. */
const takesAllCuts = seconds > 60
const width = 24
/** How long nothing comes before a talk is over; what seems wrong is tried again with more patience. */
const quietRoundsMs = [60, 300, 1_000, 5_000]
const canary = 'GET /olla/proxy/canary HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'

interface Target {
  readonly name: string
  readonly port: number
  readonly requests: Map<string, Delivered[]>
}

async function startTargets(t: TestContext, threads: number) {
  const captures: { name: string; capture: Capture }[] = []
  const behind = async (name: string, start: (port: number, url: string) => Promise<number | undefined>) => {
    const capture = await startCapture(t)
    captures.push({ name, capture })
    const port = await start(capture.port, capture.url)
    return port === undefined ? undefined : { name, port, requests: capture.requests }
  }
  const gateway = (kind: string) =>
    behind(kind, async (_port, url) => {
      const { child, port, output } = await startProcess(t, url, {
        server: `, http_server: ${kind}, threads: ${threads}`,
      })
      processes.push({ kind, child, output })
      return port
    })
  const processes: { kind: string; child: { exitCode: number | null }; output: () => string }[] = []
  const own = (await gateway('own')) ?? assert.fail()
  const node = (await gateway('node')) ?? assert.fail()
  const nginx = await behind('nginx', (port) => startNginx(t, port))
  const haproxy = await behind('haproxy', (port) => startHaproxy(t, port))
  const plain: Target = { name: 'plain', ...(await startPlainNode(t)) }
  const proxies = [nginx, haproxy].filter((target) => target !== undefined)
  return { own, node, plain, proxies, captures, processes }
}

let serial = 0

async function outcomeOf(
  target: Target,
  from: string,
  parts: readonly string[],
  quietMs: number,
): Promise<Outcome> {
  const said = await talk({ port: target.port, from, parts, canary, quietMs })
  const all = target.requests.get(from) ?? []
  target.requests.delete(from)
  return { talk: said, delivered: all.filter(({ target: path }) => !path.endsWith('/canary')) }
}

async function run(
  t: TestContext,
  threads: number,
  named: readonly Case[],
  mutatedSeconds: number,
): Promise<void> {
  const { own, node, plain, proxies, captures, processes } = await startTargets(t, threads)
  const table = new FamilyTable()
  const serious: string[] = []
  const good: Case[] = []

  async function attempt(
    { family, name, bytes }: Case,
    parts: readonly string[],
    comparesProxies: boolean,
    round = 0,
  ) {
    const from = addressOf(++serial)
    const quietMs = quietRoundsMs[round] ?? 5_000
    const ask = (target: Target) => outcomeOf(target, from, parts, quietMs)
    const [ours, nodes, read, ...others] = await Promise.all(
      [own, node, plain, ...(comparesProxies ? proxies : [])].map(ask),
    )
    assert.ok(ours !== undefined && nodes !== undefined && read !== undefined)
    // What is behind an upgrade that it does not take, bare Node reads or not, as its packets come.
    const isUpgrade = /^upgrade:/im.test(bytes)
    const found = compare(ours, nodes, isUpgrade ? undefined : read)
    const otherwise = (isUpgrade ? [] : others).map((other) => proxyReadsOtherwise(ours, other, read))
    const reason = found.serious ?? otherwise.find((each) => each !== undefined)
    // A machine under load answers late: what is serious is so again, with more time.
    const isSilent = ours.talk.statuses.length === 0 && !ours.talk.closed && round === 0
    if ((reason !== undefined || isSilent) && round + 1 < quietRoundsMs.length)
      return attempt({ family, name, bytes }, parts, comparesProxies, round + 1)
    const isStricter = ours.delivered.length > 0 && others.some(({ delivered }) => delivered.length === 0)
    table.add(family, { outcome: ours, differs: found.differs, isStricter, isSerious: reason !== undefined })
    const seen = { stricter: isStricter, differs: found.differs, silent: ours.talk.statuses.length === 0 }
    for (const [kind, is] of Object.entries(seen))
      if (is && kind === process.env.ATTACK_SHOW) t.diagnostic(`${kind}: ${family}, ${name.slice(0, 100)}`)
    if (ours.delivered.length > 0 && family !== 'mutated') good.push({ family, name, bytes })
    if (reason !== undefined)
      serious.push(`${family}, ${shown(name)}, ${shown(JSON.stringify(parts))}: ${shown(reason)}`)
  }

  const jobs = named.flatMap((each) => {
    const [whole = [each.bytes], ...others] = cuts(each.bytes)
    const kept = takesAllCuts ? others : others.slice(serial++ % Math.max(1, others.length)).slice(0, 1)
    return [whole, ...kept].map((parts) => ({ each, parts }))
  })
  await pooled(jobs, width, ({ each, parts }) => attempt(each, parts, true).then(() => undefined))

  const random = randomFrom(seed)
  const until = performance.now() + mutatedSeconds * 1_000
  function* mutations() {
    const isAlive = () => processes.every(({ child }) => child.exitCode === null)
    while (performance.now() < until && serious.length < 20 && isAlive()) yield mutated(named, good, random)
  }
  await pooled(mutations(), width, (each) => {
    const all = cuts(each.bytes)
    return attempt(each, all[Math.floor(random() * all.length)] ?? [each.bytes], false).then(() => undefined)
  })

  for (const line of table.lines()) t.diagnostic(line)
  assert.deepEqual(serious, [])
  for (const { name, capture } of captures) {
    if (name === 'nginx' || name === 'haproxy') continue
    assert.deepEqual(capture.anomalies, [], `what ${name} sent`)
  }
  for (const { kind, child, output } of processes) {
    assert.equal(child.exitCode, null, `${kind} ended:\n${output().slice(-3_000)}`)
    assert.doesNotMatch(output(), /unexpected error|uncaught/i)
  }
}

function shown(text: string): string {
  return text.length > 800 ? `${text.slice(0, 500)} … ${text.slice(-300)}` : text
}

describe('requests of an attacker', () => {
  const all = [...framingCases, ...headCases]

  it('are numerous, each with a unique name', () => {
    assert.ok(all.length > 1_000)
    assert.ok(all.some(({ bytes }) => bytes.includes(smuggledPath)))
  })

  it('reach the endpoint from both servers as Node’s parser reads them, or not at all', (t) =>
    run(t, 1, all, seconds))

  it('do the same with two threads', (t) =>
    run(
      t,
      2,
      all.filter((_, at) => at % 4 === 0),
      seconds / 3,
    ))
})
