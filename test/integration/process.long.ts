import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { configFor, folder, listening, run } from '../support/command.ts'
import { postChat } from '../support/gateway.ts'
import { chunk, sseHead, startRawUpstream } from '../support/raw-upstream.ts'
import { eventually } from '../support/simulator.ts'

describe('the command', () => {
  it('prints version and help', async (t) => {
    const cwd = await folder()
    const version = run(t, ['--version'], { cwd })
    assert.equal(await version.exit, 0)
    assert.match(version.output(), /^olla-gateway \d+\.\d+\.\d+/)
    const help = run(t, ['--help'], { cwd })
    assert.equal(await help.exit, 0)
    assert.match(help.output(), /--validate-config/)
  })

  it('validates a configuration, good and bad', async (t) => {
    const cwd = await folder({
      'config.yaml': configFor('http://localhost:1'),
      'bad.yaml': 'proxy:\n  engin: olla\n',
    })
    const good = run(t, ['--validate-config'], { cwd })
    assert.equal(await good.exit, 0)
    assert.match(good.output(), /config\.yaml: valid, 1 endpoint/)
    const bad = run(t, ['--validate-config', '-c', 'bad.yaml'], { cwd })
    assert.equal(await bad.exit, 1)
    assert.match(bad.output(), /bad\.yaml:2:3 proxy\.engin: unknown key, did you mean "engine"\?/)
    const missing = run(t, ['-c', 'nowhere.yaml'], { cwd })
    assert.equal(await missing.exit, 1)
    assert.match(missing.output(), /specified config file not found: nowhere\.yaml/)
  })

  it('prints the effective configuration without secrets', async (t) => {
    const text = `${configFor('http://localhost:1').trimEnd()}\n`.replace(
      'type: openai',
      'type: openai, auth: { type: bearer, token: "${MY_TOKEN}" }',
    )
    const cwd = await folder({ 'config.yaml': text })
    const printed = run(t, ['--print-config'], {
      cwd,
      env: { MY_TOKEN: 'very-secret', OLLA_PROXY_ENGINE: 'sherpa' },
    })
    assert.equal(await printed.exit, 0)
    assert.match(printed.output(), /engine: sherpa/)
    assert.match(printed.output(), /token: "?\[secret\]/)
    assert.doesNotMatch(printed.output(), /very-secret/)
  })

  it('serves the demo', async (t) => {
    const running = run(t, ['--demo', '--port', '0'], { cwd: await folder() })
    const url = await listening(running)
    await eventually(async () => (await fetch(`${url}/internal/ready`)).status === 200)
    await eventually(async () => {
      const response = await fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'llama3.2:3b', stream: true, max_tokens: 2, messages: [] }),
      })
      return /data: \[DONE\]\n\n$/.test(await response.text())
    })
    running.child.kill('SIGTERM')
    assert.equal(await running.exit, 0)
    assert.match(running.output(), /"msg":"stopped"/)
  })

  it('exits with 1 if it cut answers, and at once on a second signal', async (t) => {
    const upstream = await startRawUpstream(
      t,
      ({ socket }) => void socket.write(sseHead + chunk('data: 1\n\n')),
    )
    const cwd = await folder({
      'short.yaml': configFor(upstream.url, ', shutdown_timeout: 100ms'),
      'long.yaml': configFor(upstream.url, ', shutdown_timeout: 60s'),
    })
    const short = run(t, ['-c', 'short.yaml'], { cwd })
    const shortUrl = await listening(short)
    await eventually(async () => (await postChat(shortUrl, { stream: true })).status === 200)
    short.child.kill('SIGTERM')
    assert.equal(await short.exit, 1)

    const long = run(t, ['-c', 'long.yaml'], { cwd })
    const longUrl = await listening(long)
    await eventually(async () => (await postChat(longUrl, { stream: true })).status === 200)
    long.child.kill('SIGINT')
    await eventually(() => /"msg":"stopping"/.test(long.output()))
    const beforeMs = performance.now()
    // Another one: the same may have come by two ways.
    long.child.kill('SIGTERM')
    assert.notEqual(await long.exit, 0)
    assert.ok(performance.now() - beforeMs < 50_000)
  })
})
