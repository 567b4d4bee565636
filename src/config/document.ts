import { isNode, isScalar, LineCounter, parseDocument, Scalar, visit } from 'yaml'
import { ConfigError, type Diagnostic, dotted, type KeyPath } from './diagnostics.ts'
import { interpolate, isReference } from './interpolate.ts'

/** A parsed configuration file that still knows where each key stands. */
export interface ConfigDocument {
  readonly value: unknown
  /** Of the key at the end of the path, or of its nearest parent. */
  position(path: KeyPath): { line: number; column: number } | undefined
}

/**
 * Reads YAML and expands `${VAR}` in every value. A value that is one reference and nothing else is typed by
 * what it expands to, so that `port: ${PORT}` is a number.
 * @throws ConfigError with the position of broken YAML, a repeated key or an unset variable
 */
export function readDocument(
  text: string,
  file: string,
  env: Readonly<Record<string, string | undefined>>,
): ConfigDocument {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true })
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return { line, column: col }
  }
  if (document.errors.length > 0) {
    throw new ConfigError(
      document.errors.map(({ message, pos }) => ({
        severity: 'error',
        key: '',
        // The library's text goes on with an excerpt, which could show a secret.
        message: message.split(/ at line |\n/, 1)[0] ?? 'invalid YAML',
        file,
        ...at(pos[0]),
      })),
    )
  }

  const unset: Diagnostic[] = []
  visit(document, {
    Scalar(key, node, path) {
      if (key === 'key' || typeof node.value !== 'string' || !node.value.includes('$')) return
      const expanded = interpolate(node.value, env)
      if ('variable' in expanded) {
        const keys = path.flatMap((parent) =>
          'key' in parent && isScalar(parent.key) ? [String(parent.key.value)] : [],
        )
        unset.push({
          severity: 'error',
          key: dotted(keys),
          message: `the environment variable ${expanded.variable} is not set and has no default`,
          file,
          ...(node.range ? at(node.range[0]) : {}),
        })
        return
      }
      node.value =
        isReference(node.value) && node.type === Scalar.PLAIN ? retype(expanded.text) : expanded.text
    },
  })
  if (unset.length > 0) throw new ConfigError(unset)

  return {
    value: document.toJS() ?? {},
    position(path) {
      for (let length = path.length; length > 0; length--) {
        const parent = document.getIn(path.slice(0, length - 1), true)
        const last = path[length - 1]
        const offset = keyOffset(parent ?? document.contents, last)
        if (offset !== undefined) return at(offset)
      }
      return undefined
    },
  }
}

/** What plain YAML would make of the expanded text. */
function retype(text: string): unknown {
  const document = parseDocument(text)
  return document.errors.length === 0 && isScalar(document.contents) ? document.contents.value : text
}

function keyOffset(parent: unknown, key: string | number | undefined): number | undefined {
  if (typeof parent !== 'object' || parent === null || !('items' in parent) || !Array.isArray(parent.items)) {
    return undefined
  }
  if (typeof key === 'number') {
    const item: unknown = parent.items[key]
    return isNode(item) ? item.range?.[0] : undefined
  }
  for (const pair of parent.items) {
    const name: unknown = typeof pair === 'object' && pair !== null && 'key' in pair ? pair.key : undefined
    if (isScalar(name) && String(name.value) === key) return name.range?.[0]
  }
  return undefined
}
