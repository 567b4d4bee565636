import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { configFor, folder, listening, run } from '../support/command.ts'
import { eventually } from '../support/simulator.ts'

/** Node has no such socket: prints each datagram in a line, and closes the descriptors that come with it. */
const listener = `
import array, os, socket, sys
own = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
own.bind(sys.argv[1].replace('@', '\\0'))
print('bound', flush=True)
while True:
    data, ancillary, _, _ = own.recvmsg(4096, socket.CMSG_SPACE(16))
    for _, kind, content in ancillary:
        if kind == socket.SCM_RIGHTS:
            for descriptor in array.array('i', content): os.close(descriptor)
    print(data.decode().replace('\\n', ' '), flush=True)
`
const missing = ['systemd-notify', 'python3'].filter((program) => spawnSync(program, ['--version']).error)
if (missing.length > 0 && process.env.OLLA_REQUIRE_SYSTEMD === '1')
  throw new Error(`no ${missing.join(', ')}`)
const preload = fileURLToPath(new URL('../support/faults-on-demand.ts', import.meta.url))

describe('systemd', { skip: missing.length > 0 && `no ${missing.join(', ')}` }, () => {
  for (const threads of [1, 2]) {
    it(`is notified of start, life and stop, but not by a stalled gateway (threads: ${threads})`, async (t) => {
      const cwd = await folder({
        'config.yaml': configFor('http://127.0.0.1:9', `, threads: ${threads}, watchdog_timeout: 0`),
      })
      const socket = threads === 1 ? join(cwd, 'notify') : `@olla-gateway-${process.pid}`
      const server = spawn('python3', ['-c', listener, socket], { stdio: ['ignore', 'pipe', 'inherit'] })
      t.after(() => server.kill('SIGKILL'))
      let heard = ''
      server.stdout.on('data', (data) => (heard += String(data)))
      const count = () => heard.split('WATCHDOG=1').length - 1
      await eventually(() => heard.includes('bound'))
      const running = run(t, [], {
        cwd,
        env: {
          NODE_OPTIONS: `--import=${preload}`,
          FAULTS_FOLDER: cwd,
          NOTIFY_SOCKET: socket,
          WATCHDOG_USEC: '400000',
        },
      })
      const url = await listening(running)
      await eventually(() => heard.includes(`READY=1 STATUS=listening on ${url}`))
      await eventually(() => count() >= 3)
      if (threads === 1) {
        writeFileSync(join(cwd, 'fault-main'), 'loop')
        let before = -1
        await eventually(
          () => {
            const isSilent = count() === before
            before = count()
            return isSilent
          },
          { intervalMs: 2_000 },
        )
        running.child.kill('SIGKILL')
        return
      }
      const exit = once(running.child, 'close')
      running.child.kill('SIGTERM')
      assert.deepEqual(await exit, [0, null])
      await eventually(() => /STOPPING=1 EXTEND_TIMEOUT_USEC=18000000 STATUS=stopping/.test(heard))
    })
  }

  it('is not needed: a missing systemd-notify is logged once', async (t) => {
    const cwd = await folder({ 'config.yaml': configFor('http://127.0.0.1:9') })
    const running = run(t, [], { cwd, env: { NOTIFY_SOCKET: join(cwd, 'missing'), PATH: cwd } })
    await listening(running)
    await eventually(() => /the service manager could not be notified/.test(running.output()))
    const exit = once(running.child, 'close')
    running.child.kill('SIGTERM')
    assert.deepEqual(await exit, [0, null])
  })
})
