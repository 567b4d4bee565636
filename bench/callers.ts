// Many API keys: what 100,000 of them cost to load, to keep and to find, and a year of their use: `npm run bench:callers`.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Fastify from 'fastify'
import { noLimits, noPolicy } from '../src/callers/contract/defaults.ts'
import { KeyHasher } from '../src/callers/keys/key-hasher.ts'
import { createKey, createKeyId } from '../src/callers/keys/key-text.ts'
import { queryUsage, type UsageQuery } from '../src/callers/ledger/usage-query.ts'
import { hourMs } from '../src/callers/ledger/usage-row.ts'
import { migrate } from '../src/callers/store/migrations.ts'
import { openSqlite } from '../src/callers/store/sqlite-database.ts'
import { parseConfig } from '../src/config/load.ts'
import callersPlugin from '../src/public/callers.ts'

const keyCount = Number(process.argv[2] ?? 100_000)
const secret = 'secret of the benchmark'.padEnd(32, '.')
const folder = mkdtempSync(join(tmpdir(), 'olla-bench-callers-'))

/** @returns some of the keys */
async function fill(file: string): Promise<string[]> {
  const hasher = new KeyHasher(secret)
  const database = openSqlite(file)
  await migrate(database, { secretCheck: hasher.checkValue })
  const limits = JSON.stringify({ ...noLimits, requests_per_minute: 60 })
  const policy = JSON.stringify({ ...noPolicy, models: { include: ['llama*'], exclude: [] } })
  const kept: string[] = []
  await database.transaction(async (statements) => {
    for (let number = 0; number < keyCount; number++) {
      const key = createKey()
      const id = createKeyId()
      if (number % 100 === 0) kept.push(key)
      await statements.all(
        `INSERT INTO olla_keys (id, name, hint, owner, team, enabled, metadata, policy, limits, created_at, updated_at,
          revision) VALUES (?, ?, '', ?, NULL, 1, '{}', ?, ?, 0, 0, 0)`,
        [id, `key ${number}`, `owner ${number % 5_000}`, policy, limits],
      )
      await statements.all('INSERT INTO olla_key_hashes (hash, key_id) VALUES (?, ?)', [hasher.hash(key), id])
    }
  })
  await database.close()
  return kept
}

const usageKeys = 1_000
/** Start of a block of four weeks. */
const firstHour = 500_640
const yearHours = 365 * 24

/** Fills the ledger with a row for each key and day of a year, and for each hour of its last week. */
async function fillUsage(file: string): Promise<void> {
  const database = openSqlite(file)
  const series = (from: number, to: number, step: number) =>
    `WITH RECURSIVE c(n) AS (SELECT ${from} UNION ALL SELECT n + ${step} FROM c WHERE n + ${step} < ${to}) SELECT n FROM c`
  await database.all(
    `INSERT INTO olla_usage_subjects SELECT n, 'key_' || n, 'key ' || n, 'owner', 'team ' || n % 20, 'm', 'gpu'
    FROM (${series(1, usageKeys + 1, 1)})`,
  )
  const end = firstHour + yearHours
  for (const [table, from, step] of [
    ['olla_usage', end - 7 * 24, 1],
    ['olla_usage_days', firstHour, 24],
    ['olla_usage_blocks', firstHour, 672],
  ] as const) {
    await database.all(
      `INSERT INTO ${table} SELECT h.n, s.id, ${step}, ${step}, 0, 0, 0, 0, 100, 10, 0, 50, 0.01, 900, 0
      FROM (${series(from, end, step)}) h CROSS JOIN olla_usage_subjects s ORDER BY h.n, s.id`,
    )
  }
  await database.close()
}

/** CPU of a query over the year, in milliseconds. */
async function usageMs(file: string, query: Pick<UsageQuery, 'by' | 'interval'>): Promise<string> {
  const database = openSqlite(file)
  const untilMs = (firstHour + yearHours - 5) * hourMs
  const all = { sinceMs: firstHour * hourMs, untilMs, filter: {}, limit: 100 }
  await queryUsage(database, { ...all, ...query }, 0)
  const begun = process.cpuUsage()
  await queryUsage(database, { ...all, ...query }, 0)
  const { user, system } = process.cpuUsage(begun)
  await database.close()
  return ((user + system) / 1_000).toFixed(0)
}

/** Starts the plugin in an app of its own. */
async function start(callers: Record<string, unknown>) {
  globalThis.gc?.()
  const before = process.memoryUsage().heapUsed
  const begun = performance.now()
  const app = Fastify()
  await app.register(callersPlugin, {
    callers: parseConfig({ callers: { enabled: true, secret, ...callers } }).callers,
  })
  await app.ready()
  const startMs = performance.now() - begun
  globalThis.gc?.()
  return { app, startMs, heapBytes: process.memoryUsage().heapUsed - before }
}

function findNs(find: () => void, count: number): number {
  const begun = process.cpuUsage()
  for (let round = 0; round < count; round++) find()
  const { user, system } = process.cpuUsage(begun)
  return ((user + system) * 1_000) / count
}

try {
  const store = join(folder, 'callers.db')
  const keys = await fill(store)
  await (await start({})).app.close()
  const without = await start({})
  const all = await start({ store })
  const { directory, hasher } = all.app.callers
  const known = keys.map((key) => hasher.hash(key))
  const unknown = keys.map(() => hasher.hash(createKey()))
  let at = 0
  const finds = (hashes: readonly string[]) => () =>
    void directory.find(hashes[at++ % hashes.length] ?? '', 0)
  for (const hashes of [known, unknown, known]) findNs(finds(hashes), 100_000)
  const rows = [
    ['keys', String(directory.size)],
    ['start without keys, ms', without.startMs.toFixed(0)],
    ['start with them, ms', all.startMs.toFixed(0)],
    ['heap for each key, bytes', ((all.heapBytes - without.heapBytes) / keyCount).toFixed(0)],
    ['find a known key, ns of CPU', findNs(finds(known), 1_000_000).toFixed(0)],
    ['find an unknown key, ns of CPU', findNs(finds(unknown), 1_000_000).toFixed(0)],
    ['hash a key, ns of CPU', findNs(() => void hasher.hash(keys[0] ?? ''), 200_000).toFixed(0)],
  ]
  const ledger = join(folder, 'ledger.db')
  const database = openSqlite(ledger)
  await migrate(database, { secretCheck: '' })
  await database.close()
  await fillUsage(ledger)
  rows.push(
    ['a year of 1,000 keys by key, ms of CPU', await usageMs(ledger, { by: ['key'], interval: 'total' })],
    ['the same by team', await usageMs(ledger, { by: ['team'], interval: 'total' })],
    ['the same by day', await usageMs(ledger, { by: [], interval: 'day' })],
  )
  console.log(rows.map(([what, value]) => `${what?.padEnd(40)} ${value?.padStart(8)}`).join('\n'))
  await all.app.close()
  await without.app.close()
} finally {
  rmSync(folder, { recursive: true, force: true })
}
