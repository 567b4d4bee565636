import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { openPostgres } from '../../src/callers/store/postgres-database.ts'
import { childrenOf } from './child-processes.ts'
import { freePort } from './free-port.ts'
import { eventually } from './simulator.ts'

/** Debian keeps the server's programs outside of the path. */
const debianFolder = '/usr/lib/postgresql'
const programs = programFolder()

/** Why tests with PostgreSQL are left out; undefined where it is installed, or has to be. */
export const whyNoPostgres =
  programs === undefined && process.env.OLLA_REQUIRE_POSTGRES !== '1'
    ? 'PostgreSQL is not installed (Debian: postgresql)'
    : undefined

export interface RunningPostgres {
  /** @returns the URL of a new, empty schema */
  createSchema(): Promise<string>
  /** Ends the server at once, as a crash would. */
  stop(): Promise<void>
  /** Starts it again on the same port. */
  start(): Promise<void>
  /** Sends a signal to the server and the processes of its connections. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void
}

/** Starts a server for the tests of a file; it ends with them. */
export async function startPostgres(): Promise<RunningPostgres> {
  if (programs === undefined) throw new Error('PostgreSQL is not installed (Debian: postgresql)')
  const folder = await mkdtemp(join(tmpdir(), 'olla-postgres-'))
  const user = await ordinaryUser(folder)
  const data = join(folder, 'data')
  const made = spawnSync(
    join(programs, 'initdb'),
    ['-D', data, '-A', 'trust', '-U', 'gateway', '--no-sync', '--no-locale', '-E', 'UTF8'],
    { ...user, encoding: 'utf8' },
  )
  if (made.status !== 0) throw new Error(`initdb: ${made.stderr}`)
  const port = await freePort()
  const url = `postgres://gateway@127.0.0.1:${port}/postgres`
  let stopped: () => Promise<void> = async () => {}
  let count = 0
  let pid = 0

  async function start(): Promise<void> {
    const settings = ['fsync=off', `unix_socket_directories=${folder}`, 'listen_addresses=127.0.0.1']
    const child = spawn(
      join(programs ?? '', 'postgres'),
      ['-D', data, '-p', String(port), ...settings.flatMap((each) => ['-c', each])],
      { ...user, stdio: 'ignore' },
    )
    pid = child.pid ?? 0
    const exit = once(child, 'exit')
    stopped = async () => {
      child.kill('SIGQUIT')
      await exit
    }
    await eventually(() => query(url, 'SELECT 1').then(isDone, isNotDone))
  }
  await start()
  after(async () => {
    await stopped()
    await rm(folder, { recursive: true, force: true })
  })
  return {
    async createSchema() {
      const name = `test${++count}`
      await query(url, `CREATE SCHEMA ${name}`)
      return `${url}?options=${encodeURIComponent(`-c search_path=${name}`)}`
    },
    stop: () => stopped(),
    start,
    signal: (name) => {
      // The server has a process for each connection.
      for (const each of [pid, ...childrenOf(pid)]) process.kill(each, name)
    },
  }
}

const isDone = () => true
const isNotDone = () => false

async function query(url: string, sql: string): Promise<void> {
  const database = await openPostgres(url, { onError: () => {} })
  try {
    await database.all(sql)
  } finally {
    await database.close()
  }
}

/** The server refuses to run as root. */
async function ordinaryUser(folder: string): Promise<{ uid?: number; gid?: number }> {
  if (userInfo().uid !== 0) return {}
  const idOf = (option: string) => Number(spawnSync('id', [option, 'nobody'], { encoding: 'utf8' }).stdout)
  const user = { uid: idOf('-u'), gid: idOf('-g') }
  await chown(folder, user.uid, user.gid)
  return user
}

function programFolder(): string | undefined {
  const versions = spawnSync('ls', [debianFolder], { encoding: 'utf8' }).stdout.split('\n').filter(Boolean)
  const folders = versions.map((version) => join(debianFolder, version, 'bin'))
  const [path] = spawnSync('sh', ['-c', 'command -v initdb'], { encoding: 'utf8' }).stdout.split('/initdb', 1)
  return [...folders, ...(path ? [path] : [])].find(
    (folder) => spawnSync(join(folder, 'postgres'), ['--version']).status === 0,
  )
}
