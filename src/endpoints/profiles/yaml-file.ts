import { readFileSync } from 'node:fs'
import { LineCounter, parseDocument } from 'yaml'

/** A YAML file that cannot be read; the message contains its name, with line and column if known. */
export class YamlFileError extends Error {
  override readonly name = 'YamlFileError'
}

/** @throws YamlFileError */
export function readYamlFile(path: string): unknown {
  const lines = new LineCounter()
  try {
    const document = parseDocument(readFileSync(path, 'utf8'), { lineCounter: lines, merge: true })
    const [error] = document.errors
    if (error === undefined) return document.toJS()
    const { line, col } = lines.linePos(error.pos[0])
    throw new YamlFileError(`${path}:${line}:${col} ${error.message.split(/ at line |\n/, 1)[0]}`)
  } catch (error) {
    if (error instanceof YamlFileError) throw error
    throw new YamlFileError(
      `${path}: ${error instanceof Error ? error.message.split('\n', 1)[0] : String(error)}`,
    )
  }
}
