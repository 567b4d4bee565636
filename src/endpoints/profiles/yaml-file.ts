import { readFileSync } from 'node:fs'
import { LineCounter, parseDocument } from 'yaml'
import { parsedFilesFile } from '../../kernel/package.ts'

/** A YAML file that cannot be read; the message contains its name, with line and column if known. */
export class YamlFileError extends Error {
  override readonly name = 'YamlFileError'
}

let parsedFiles: Readonly<Record<string, unknown>> | undefined

/**
 * Values of the package's own files by their text, since parsing them takes a tenth of a start. The build writes them;
 * in a clone there are none, and a file that has been changed since is parsed.
 */
function parsedAtBuild(text: string): unknown {
  if (parsedFiles === undefined) {
    try {
      parsedFiles = JSON.parse(readFileSync(parsedFilesFile, 'utf8')) as Record<string, unknown>
    } catch {
      parsedFiles = {}
    }
  }
  return Object.hasOwn(parsedFiles, text) ? parsedFiles[text] : undefined
}

/** @throws YamlFileError */
export function readYamlFile(path: string): unknown {
  const lines = new LineCounter()
  try {
    const text = readFileSync(path, 'utf8')
    const parsed = parsedAtBuild(text)
    if (parsed !== undefined) return parsed
    const document = parseDocument(text, { lineCounter: lines, merge: true })
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
