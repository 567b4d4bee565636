// Builds the C programs of the benchmarks on demand into `bench/build` (not in git).
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export interface NativePrograms {
  readonly load: string
  readonly upstream: string
}

/** What the user must do before a benchmark can run; shown without a stack. */
export class SetupError extends Error {}

const sourceFolder = fileURLToPath(new URL('./native/', import.meta.url))
const buildFolder = fileURLToPath(new URL('./build/', import.meta.url))

export function hasProgram(name: string): boolean {
  const folders = (process.env.PATH ?? '').split(':')
  return [...folders, '/usr/sbin'].some((folder) => folder !== '' && existsSync(`${folder}/${name}`))
}

/** Compiles what is missing or older than its source. */
export function buildNative(): NativePrograms {
  if (process.platform !== 'linux') throw new SetupError('The benchmarks read /proc: they need Linux.')
  mkdirSync(buildFolder, { recursive: true })
  return { load: compile('load'), upstream: compile('upstream') }
}

function compile(name: string): string {
  const output = `${buildFolder}${name}`
  const sources = [`${sourceFolder}${name}.c`, `${sourceFolder}common.h`]
  if (existsSync(output) && sources.every((source) => statSync(source).mtimeMs < statSync(output).mtimeMs)) {
    return output
  }
  const compiler = ['cc', 'gcc', 'clang'].find(hasProgram)
  if (compiler === undefined) {
    throw new SetupError(
      'The benchmarks need a C compiler: install gcc (Debian: apt-get install gcc libc6-dev).',
    )
  }
  execFileSync(
    compiler,
    ['-O2', '-std=gnu11', '-Wall', '-Wextra', '-o', output, `${sourceFolder}${name}.c`],
    {
      stdio: 'inherit',
    },
  )
  return output
}
