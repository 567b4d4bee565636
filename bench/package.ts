// The gateway as packaged: built, without the sources that a clone would run. Node's type stripping would add to the
// measured memory.
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { SetupError } from './native.ts'

const root = fileURLToPath(new URL('../', import.meta.url))
const folder = fileURLToPath(new URL('./build/package/', import.meta.url))

/** The built package's command. */
export const gatewayCommand = `${folder}bin/olla-gateway.js`

/** A built script of this folder. */
export function builtScript(name: string): string {
  return `${folder}dist/bench/${name}.js`
}

export function buildPackage(): void {
  const compiler = `${root}node_modules/.bin/tsc`
  if (!existsSync(compiler)) throw new SetupError('Run `npm ci` first.')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  execFileSync(compiler, ['-p', `${root}bench/tsconfig.json`], { stdio: 'inherit' })
  const manifest = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { files: string[] }
  for (const name of [...manifest.files, 'package.json']) {
    if (name !== 'dist' && existsSync(root + name)) cpSync(root + name, folder + name, { recursive: true })
  }
  execFileSync(process.execPath, [`${root}scripts/bundle.ts`, folder], { stdio: 'inherit' })
}
