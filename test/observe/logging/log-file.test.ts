import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { createLogFile } from '../../../src/observe/logging/log-file.ts'
import { LostLines } from '../../../src/observe/logging/lost-lines.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { eventually } from '../../support/simulator.ts'

async function logFile(limits: { max_backups?: number } = {}) {
  const dir = join(await mkdtemp(join(tmpdir(), 'olla-log-file-')), 'logs')
  const clock = new FakeClock()
  const lost = new LostLines()
  const config = { dir, max_size_mb: 1, max_backups: 2, max_age_days: 0, ...limits }
  const open = () => createLogFile(config, 0, lost, clock)
  const file = await open()
  /** Writes, and looks for the file as often as the logger does. */
  async function write(text: string): Promise<void> {
    file.write(text)
    await new Promise<void>((resolve) => file.whenIdle(resolve))
    await clock.advance(1_000)
    file.flush()
  }
  const read = (number: number) => readFile(join(dir, `olla-gateway.${number}.log`), 'utf8').catch(() => '')
  return { dir, lost, open, write, read }
}

const megabyte = `${'x'.repeat(1024 * 1024)}\n`

describe('the log file', () => {
  it('is rotated when it is full, and the oldest files are removed', async () => {
    const { dir, write, read, lost } = await logFile()
    await eventually(async () => {
      await write(megabyte)
      return (await readdir(dir)).includes('olla-gateway.10.log')
    })
    await eventually(async () => {
      await write('')
      return (await readdir(dir)).length === 3
    })
    const numbers = (await readdir(dir)).map((name) => Number(name.split('.')[1])).sort((a, b) => a - b)
    const last = numbers.at(-1) ?? 0
    assert.deepEqual(numbers, [last - 2, last - 1, last])
    await write('last\n')
    assert.match(await read(last), /last\n$/)
    assert.equal(lost.total, 0)
  })

  it('continues the file of the previous run', async () => {
    const { open, write, read } = await logFile()
    await write('one\n')
    const again = await open()
    again.write('two\n')
    await new Promise<void>((resolve) => again.whenIdle(resolve))
    assert.equal(await read(1), 'one\ntwo\n')
  })

  for (const [what, change] of [
    ['the folder was removed', (dir: string) => rm(dir, { recursive: true })],
    ['the file was removed', (dir: string) => rm(join(dir, 'olla-gateway.1.log'))],
    ['the file was moved', (dir: string) => rename(join(dir, 'olla-gateway.1.log'), join(dir, 'old'))],
  ] as const) {
    it(`is created again if ${what}`, async () => {
      const { dir, write, read } = await logFile()
      await write('before\n')
      await change(dir)
      await eventually(async () => {
        await write('after\n')
        return (await read(1)).endsWith('after\n')
      })
    })
  }

  it('drops and counts lines while its folder cannot be created, and reports them afterwards', async () => {
    const { dir, write, read, lost } = await logFile()
    await write('before\n')
    await rm(dir, { recursive: true })
    await writeFile(dir, 'a file in its place')
    await eventually(async () => {
      await write('lost\n')
      return lost.total >= 2
    })
    assert.equal(lost.takeReport(), 0)
    await rm(dir)
    await mkdir(dir)
    await eventually(async () => {
      await write('after\n')
      return (await read(1)).endsWith('after\n')
    })
    assert.equal(lost.takeReport(), lost.total)
  })
})
