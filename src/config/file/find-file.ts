import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { stockConfigFile } from '../../kernel/package.ts'
import { ConfigError } from '../schema/diagnostics.ts'

/** Search order if no file is named, as in Olla; only the first existing file is read. */
const searchOrder = ['config/config.local.yaml', 'config/config.yaml', 'config.yaml', 'default.yaml'] as const

export interface FoundFile {
  /** As named; undefined if no file was found. */
  readonly file?: string | undefined
  /** Other existing files of the search order. */
  readonly skippedFiles: readonly string[]
}

/**
 * Finds the configuration file. Every other file takes precedence over this package's stock file, which in a clone is
 * early in the search order.
 * @param named by the command line or the environment
 * @throws ConfigError if the named file is missing
 */
export function findFile(named: string | undefined, cwd: string): FoundFile {
  if (named !== undefined && named !== '') {
    if (existsSync(resolve(cwd, named))) return { file: named, skippedFiles: [] }
    const message = `specified config file not found: ${named}`
    throw new ConfigError([{ severity: 'error', key: '', message }])
  }
  const present = searchOrder.filter((file) => existsSync(resolve(cwd, file)))
  const [file] =
    present.length > 1 ? [...present.filter((each) => !isStock(resolve(cwd, each))), ...present] : present
  return { file, skippedFiles: present.filter((each) => each !== file) }
}

function isStock(path: string): boolean {
  try {
    return readFileSync(path).equals(readFileSync(stockConfigFile))
  } catch {
    return false
  }
}
