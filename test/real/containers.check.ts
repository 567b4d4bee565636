/** Endpoints in containers of a real engine: Podman, whose service speaks Docker's API. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { postChat, startGateway } from '../support/gateway.ts'
import { eventually as eventuallyIn } from '../support/simulator.ts'
import { startPodman, whyNoPodman } from './podman.ts'

/** The list is read again after 30 s at the latest: this engine may report no events. */
const eventually = (condition: () => boolean | Promise<boolean>) =>
  eventuallyIn(condition, { timeoutMs: 120_000, intervalMs: 100 })

describe('containers of Podman', { skip: whyNoPodman() }, () => {
  it('come and go without a failed request, and stay while the engine is away', async (t) => {
    const podman = await startPodman(t)
    await podman.runServer('one')
    const template = { type: 'openai-compatible', check_interval: '1s', check_timeout: '900ms' }
    const providers = [{ type: 'docker', socket: podman.socket, template }]
    const gateway = await startGateway(t, [], { discovery: { providers } }, { awaitRoutable: 0 })
    const states = async () => {
      const response = await fetch(`${gateway.url}/internal/admin/discovery`)
      const { providers, endpoints } = (await response.json()) as {
        providers: { state: string }[]
        endpoints: { name: string; state: string }[]
      }
      return {
        source: providers[0]?.state,
        active: endpoints.flatMap(({ name, state }) => (state === 'active' ? [name] : [])).sort(),
      }
    }
    const serves = async (...names: string[]) => {
      const isSo = async () => JSON.stringify((await states()).active) === JSON.stringify(names)
      await eventually(isSo)
      await eventually(async () => (await postChat(gateway.url)).status === 200)
    }
    await serves('one')
    assert.match(await (await postChat(gateway.url)).text(), /from one/)

    await podman.runServer('two')
    await serves('one', 'two')
    let isOver = false
    const failed: string[] = []
    const load = (async () => {
      while (!isOver) {
        const response = await postChat(gateway.url)
        const text = await response.text()
        if (response.status !== 200) failed.push(`${response.status} ${text}`)
      }
    })()
    await podman.call('stop', '--time', '0', 'one')
    await serves('two')
    isOver = true
    await load
    assert.deepEqual(failed, [])
    assert.match(await (await postChat(gateway.url)).text(), /from two/)

    await podman.stopService()
    await eventually(async () => (await states()).source === 'failing')
    assert.equal((await postChat(gateway.url)).status, 200)
    await podman.startService()
    await podman.call('start', 'one')
    await serves('one', 'two')
    assert.equal((await states()).source, 'ok')
  })
})
