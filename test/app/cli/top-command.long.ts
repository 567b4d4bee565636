import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { describe, it } from 'node:test'
import { topCommand } from '../../../src/app/cli/top-command.ts'
import type { Terminal } from '../../../src/app/top/live-screen.ts'
import { postChat, startGateway } from '../../support/gateway.ts'
import { eventually, withSimulator } from '../../support/simulator.ts'

/** A terminal as far as the command uses one. */
function fakeTerminal(isTTY: boolean) {
  const input = Object.assign(new EventEmitter(), {
    isTTY,
    isRaw: false,
    setRawMode(raw: boolean) {
      input.isRaw = raw
    },
    resume() {},
    pause() {},
  })
  let written = ''
  const output = Object.assign(new EventEmitter(), {
    isTTY,
    columns: 100,
    rows: 24,
    write(text: string) {
      written += text
      return true
    },
  })
  const terminal = { input, output, env: { NO_COLOR: '1' } } as unknown as Terminal
  return {
    terminal,
    input,
    output,
    /** What stands on the screen now. */
    screen: () => written.slice(written.lastIndexOf('\u001b[H')),
    written: () => written,
  }
}

async function fleet(t: Parameters<typeof startGateway>[0]) {
  const simulator = await withSimulator(t, { kind: 'vllm', name: 'box', models: ['m'] })
  const gateway = await startGateway(t, [{ url: simulator.url, name: 'box' }])
  return { simulator, gateway }
}

describe('olla-gateway top', () => {
  it('prints once without a terminal', async (t) => {
    const { gateway } = await fleet(t)
    const { terminal, written } = fakeTerminal(false)
    const { output, exitCode } = await topCommand(['--url', gateway.url], terminal)
    assert.equal(exitCode, 0)
    assert.match(output, /^olla-gateway \d/)
    assert.match(output, /\nbox +healthy +closed +0 /)
    assert.match(output, /discovery\.completed endpoint=box/)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the absence of escapes is the point
    assert.doesNotMatch(output, /\u001b/)
    assert.equal(written(), '')
  })

  it('shows a gateway live, handles keys, and restores the terminal', async (t) => {
    const { gateway, simulator } = await fleet(t)
    const { terminal, input, output, screen, written } = fakeTerminal(true)
    const ended = topCommand(['--url', gateway.url], terminal)
    await eventually(() => /box +healthy/.test(screen()))
    assert.equal(input.isRaw, true)
    await (await postChat(gateway.url)).text()
    await simulator.close()
    await eventually(() => /endpoint\.status endpoint=box from=healthy to=offline/.test(screen()))
    await eventually(() => /box +offline/.test(screen()))
    input.emit('data', Buffer.from('s'))
    await eventually(() => /sort: in flight/.test(screen()))
    output.columns = 60
    output.emit('resize')
    await eventually(() =>
      screen()
        .split('\r\n')
        .every((line) => [...line.replaceAll('\u001b[K', '').replace('\u001b[H', '')].length <= 60),
    )
    input.emit('data', Buffer.from('q'))
    assert.deepEqual(await ended, { output: '', exitCode: 0 })
    assert.equal(input.isRaw, false)
    assert.ok(written().endsWith('\u001b[?25h\u001b[?1049l'))
    assert.equal(input.listenerCount('data'), 0)
  })

  it('waits for a gateway that stops', async (t) => {
    const { gateway } = await fleet(t)
    const { terminal, input, screen } = fakeTerminal(true)
    const ended = topCommand(['--url', gateway.url], terminal)
    await eventually(() => /box +healthy/.test(screen()))
    await gateway.close()
    await eventually(() => /NO CONNECTION: /.test(screen()))
    assert.match(screen(), /box +healthy/)
    input.emit('data', Buffer.from('\u0003'))
    assert.equal((await ended).exitCode, 0)
  })

  it('exits with 2 if no gateway answers and with 3 if access is denied', async (t) => {
    const { terminal } = fakeTerminal(false)
    const gone = await startGateway(t, [])
    await gone.close()
    assert.equal((await topCommand(['--url', gone.url], terminal)).exitCode, 2)
    const closed = await startGateway(t, [], {
      dashboard: { access_policy: { allowed_cidrs: ['10.0.0.0/8'] } },
    })
    const live = fakeTerminal(true)
    const refused = await topCommand(['--url', closed.url], live.terminal)
    assert.equal(refused.exitCode, 3)
    assert.match(refused.output, /403 forbidden: ip not in allowed range/)
    assert.equal(live.input.isRaw, false)
    assert.equal((await topCommand(['--nonsense'], terminal)).exitCode, 3)
  })
})
