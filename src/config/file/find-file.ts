import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { stockConfigFile } from '../../kernel/package.ts'
import { ConfigError } from '../schema/diagnostics.ts'

/** Where a configuration is looked for when none is named, as in Olla; the first that exists is the only one read. */
const searchOrder = ['config/config.local.yaml', 'config/config.yaml', 'config.yaml', 'default.yaml'] as const

export interface FoundFile {
  /** As named; undefined where there is none. */
  readonly file?: string | undefined
  /** Others of the search that exist. */
  readonly passedOver: readonly string[]
}

/**
 * Finds the configuration. The stock file of this package, which stands in a clone at a place that is searched early,
 * gives way to any other.
 * @param named by the command line or the environment
 * @throws ConfigError where the named file is missing
 */
export function findFile(named: string | undefined, cwd: string): FoundFile {
  if (named !== undefined && named !== '') {
    if (existsSync(resolve(cwd, named))) return { file: named, passedOver: [] }
    const message = `specified config file not found: ${named}`
    throw new ConfigError([{ severity: 'error', key: '', message }])
  }
  const present = searchOrder.filter((file) => existsSync(resolve(cwd, file)))
  const [file] =
    present.length > 1 ? [...present.filter((each) => !isStock(resolve(cwd, each))), ...present] : present
  return { file, passedOver: present.filter((each) => each !== file) }
}

function isStock(path: string): boolean {
  try {
    return readFileSync(path).equals(readFileSync(stockConfigFile))
  } catch {
    return false
  }
}
