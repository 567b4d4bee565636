import { closeSync, existsSync, mkdtempSync, openSync, writeFileSync } from 'node:fs'
import { devNull, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Upload } from '../../../src/http/body/upload.ts'

const folder = mkdtempSync(join(tmpdir(), 'olla-gateway-dispose-'))
writeFileSync(join(folder, 'body'), 'x')
const upload = new Upload('m', 1, { folder })
const open: number[] = []
let code: unknown
while (code === undefined) {
  try {
    open.push(openSync(devNull, 'r'))
  } catch (error) {
    code = error instanceof Error && 'code' in error ? error.code : error
  }
}
await upload.dispose()
for (const each of open) closeSync(each)
process.stdout.write(`${String(code)}, ${existsSync(folder) ? 'left' : 'removed'}\n`)
