import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { FileProvider } from '../../../src/endpoints/providers/file-provider.ts'
import { systemClock } from '../../../src/kernel/clock.ts'
import { eventually } from '../../support/simulator.ts'
import { recordReports } from './reports.ts'

const keys = new Set(['type'])
const group = (...targets: string[]) => JSON.stringify([{ targets, labels: {} }])

function folderOf(t: TestContext, files: Record<string, string> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'endpoint-files-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}

function start(t: TestContext, path: string, intervalMs = 60_000) {
  const recorded = recordReports()
  const provider = new FileProvider({ path, keys, intervalMs, clock: systemClock })
  provider.start(recorded.reports)
  t.after(() => provider.stop())
  const shows = (...urls: string[]) =>
    eventually(() => JSON.stringify(recorded.urls()) === JSON.stringify(urls))
  return { provider, shows, ...recorded }
}

describe('endpoints of a folder', () => {
  it('are those of all its files, which may come and go', async (t) => {
    const folder = folderOf(t, { 'a.json': group('a:1'), '.hidden.json': group('h:1'), 'notes.txt': 'x' })
    const { shows } = start(t, folder)
    await shows('http://a:1')
    writeFileSync(join(folder, 'b.yaml'), '- url: http://b:1\n')
    await shows('http://a:1', 'http://b:1')
    rmSync(join(folder, 'a.json'))
    await shows('http://b:1')
  })

  it('survive editors that replace files', async (t) => {
    const folder = folderOf(t, { 'a.json': group('a:1') })
    const { shows } = start(t, folder)
    await shows('http://a:1')
    for (const target of ['b:1', 'c:1']) {
      writeFileSync(join(folder, 'a.json.swp'), group(target))
      renameSync(join(folder, 'a.json.swp'), join(folder, 'a.json'))
      await shows(`http://${target}`)
    }
  })

  it('follow the symbolic links of a ConfigMap', async (t) => {
    const folder = folderOf(t)
    const swap = (version: string, text: string) => {
      mkdirSync(join(folder, version))
      writeFileSync(join(folder, version, 'a.json'), text)
      symlinkSync(version, join(folder, '..data_tmp'))
      renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
    }
    swap('..v1', group('a:1'))
    symlinkSync('..data/a.json', join(folder, 'a.json'))
    const { shows } = start(t, folder)
    await shows('http://a:1')
    swap('..v2', group('b:1'))
    await shows('http://b:1')
    swap('..v3', group('c:1'))
    await shows('http://c:1')
  })

  it('keep those of a file that is half written or wrong, and report it', async (t) => {
    const folder = folderOf(t, { 'a.json': group('a:1'), 'b.json': group('b:1') })
    const { shows, urls, failures } = start(t, folder)
    await shows('http://a:1', 'http://b:1')
    const whole = group('c:1', 'd:1')
    writeFileSync(join(folder, 'a.json'), whole.slice(0, 20))
    await eventually(() => failures.length > 0)
    assert.match(failures[0] ?? '', /^a\.json: /)
    assert.deepEqual(urls(), ['http://a:1', 'http://b:1'])
    writeFileSync(join(folder, 'a.json'), whole)
    await shows('http://c:1', 'http://d:1', 'http://b:1')
  })

  it('count a file only once it has been the same for a while', async (t) => {
    const folder = folderOf(t, { 'z.json': group('z:1') })
    const { shows, found } = start(t, folder)
    await shows('http://z:1')
    const before = found.length
    // A YAML list that is half written is a valid, shorter list.
    for (let lines = 1; lines <= 5; lines++) {
      const list = Array.from({ length: lines }, (_, at) => `- url: http://y${at}:1\n`).join('')
      writeFileSync(join(folder, 'y.yaml'), list)
      await new Promise((resolve) => setTimeout(resolve, 40))
    }
    await shows('http://z:1', ...Array.from({ length: 5 }, (_, at) => `http://y${at}:1`))
    assert.equal(found.length - before, 1)
  })

  it('stay while the folder cannot be read', async (t) => {
    const folder = folderOf(t, { 'a.json': group('a:1') })
    const { shows, urls, failures, provider } = start(t, folder)
    await shows('http://a:1')
    renameSync(folder, `${folder}-away`)
    t.after(() => rmSync(`${folder}-away`, { recursive: true, force: true }))
    provider.refresh()
    await eventually(() => failures.some((failure) => failure.includes('ENOENT')))
    assert.deepEqual(urls(), ['http://a:1'])
    renameSync(`${folder}-away`, folder)
    writeFileSync(join(folder, 'a.json'), group('b:1'))
    provider.refresh()
    await shows('http://b:1')
  })

  it('are found by the interval where the system reports no changes', async (t) => {
    const folder = folderOf(t, { 'a.json': group('a:1') })
    const target = folderOf(t, { 'real.json': group('b:1') })
    const { shows } = start(t, folder, 300)
    await shows('http://a:1')
    symlinkSync(join(target, 'real.json'), join(folder, 'b.json'))
    await shows('http://a:1', 'http://b:1')
    // A change behind a link of another folder raises no event here.
    writeFileSync(join(target, 'real.json'), group('c:1'))
    await shows('http://a:1', 'http://c:1')
  })

  it('pass over what is no file, and never wait for a pipe', async (t) => {
    const folder = folderOf(t, { 'a.json': group('a:1') })
    mkdirSync(join(folder, 'folder.yaml'))
    execFileSync('mkfifo', [join(folder, 'pipe.yaml')])
    const { shows, failures } = start(t, folder)
    await shows('http://a:1')
    assert.deepEqual(failures, [])
    const pipe = start(t, join(folder, 'pipe.yaml'))
    await eventually(() => pipe.failures.length > 0)
    assert.match(pipe.failures[0] ?? '', /neither a folder nor a regular file/)
  })

  it('may be those of one file', async (t) => {
    const folder = folderOf(t, { 'only.yaml': '- url: http://a:1\n' })
    const { shows } = start(t, join(folder, 'only.yaml'))
    await shows('http://a:1')
  })
})
