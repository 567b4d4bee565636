import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import { freePort } from '../support/free-port.ts'
import { eventually } from '../support/simulator.ts'

const run = promisify(execFile)

/**
 * Why the tests with a container engine cannot run here; false where they can.
 * @throws Error where they must run (`OLLA_REQUIRE_CONTAINERS=1`) and cannot
 */
export function whyNoPodman(): string | false {
  const isThere = ['podman', 'runc'].every((name) => spawnSync(name, ['--version']).error === undefined)
  if (isThere && process.getuid?.() === 0) return false
  const reason = 'no Podman with runc for root here (Debian: apt-get install podman runc)'
  if (process.env.OLLA_REQUIRE_CONTAINERS === '1') throw new Error(reason)
  return reason
}

/** An inference server, whose answers name the container. */
const server = `
import { createServer } from 'node:http'
const [name, port] = process.argv.slice(2)
createServer((request, response) => {
  response.setHeader('content-type', 'application/json')
  if (request.method === 'GET') {
    response.end(JSON.stringify({ object: 'list', data: [{ id: 'm', object: 'model' }] }))
    return
  }
  const message = { role: 'assistant', content: 'from ' + name }
  request.resume().on('end', () => {
    response.end(JSON.stringify({ id: 'x', choices: [{ index: 0, message, finish_reason: 'stop' }] }))
  })
}).listen(Number(port), '127.0.0.1')
`

/**
 * An engine with a store of its own. Its containers share the host's network, and its programs, read-only, so that it
 * needs no image of a registry and no other address than loopback.
 */
export async function startPodman(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'olla-podman-'))
  const socket = join(folder, 'podman.sock')
  const settings = [
    ...['--root', join(folder, 'root'), '--runroot', join(folder, 'run')],
    ...['--storage-driver', 'vfs', '--cgroup-manager', 'cgroupfs', '--runtime', 'runc'],
    ...['--tmpdir', join(folder, 'tmp'), '--events-backend', 'file'],
  ]
  const call = async (...args: readonly string[]) => (await run('podman', [...settings, ...args])).stdout
  let service: ChildProcess | undefined
  const stopService = async () => {
    if (service === undefined) return
    const gone = once(service, 'exit')
    service.kill('SIGKILL')
    await gone
    service = undefined
    await rm(socket, { force: true })
  }
  const startService = async () => {
    service = spawn('podman', [...settings, 'system', 'service', '--time=0', `unix://${socket}`], {
      stdio: 'ignore',
    })
    const isThere = () =>
      access(socket).then(
        () => true,
        () => false,
      )
    await eventually(isThere, { timeoutMs: 60_000 })
  }
  t.after(async () => {
    await stopService()
    await call('rm', '--all', '--force', '--time', '0').catch(() => {})
    await rm(folder, { recursive: true, force: true })
  })
  await writeFile(join(folder, 'server.mjs'), server)
  await run('tar', ['-cf', join(folder, 'image.tar'), '-C', folder, 'server.mjs'])
  await call('import', join(folder, 'image.tar'), 'localhost/server:1')
  await startService()
  const programs = ['/usr', '/lib', '/lib64', dirname(process.execPath)]
  return {
    socket,
    call,
    startService,
    stopService,
    /** Runs a server whose container has labels for the gateway. */
    async runServer(name: string): Promise<void> {
      const port = String(await freePort())
      const labels = { enable: 'true', port, network: 'host' }
      await call(
        ...['run', '--detach', '--name', name, '--network', 'host'],
        ...['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1000:1000'],
        ...programs.flatMap((path) => ['--volume', `${path}:${path}:ro`]),
        ...Object.entries(labels).flatMap(([key, value]) => ['--label', `olla-gateway.${key}=${value}`]),
        ...['localhost/server:1', process.execPath, '/server.mjs', name, port],
      )
    },
  }
}
