import {
  type Document,
  isAlias,
  isCollection,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  parseDocument,
  Scalar,
  visit,
  type YAMLError,
} from 'yaml'
import { type KeyPath, type Problem, ProblemsError } from '../schema/diagnostics.ts'
import { interpolate, isReference } from './interpolate.ts'
import { findAliasFault, isAnchorHolder } from './yaml/anchors.ts'
import { indentFlowLines } from './yaml/flow-indent.ts'
import { isAmbiguous, WrittenScalar } from './yaml/written-scalar.ts'

export interface Position {
  readonly line: number
  readonly column: number
}

/** A parsed configuration file with the position of each key. */
export interface ConfigDocument {
  /** Scalars whose type depends on their key are `WrittenScalar`s. */
  readonly value: unknown
  readonly warnings: readonly Problem[]
  /** Position of the key at the end of the path, or of its nearest parent. */
  position(path: KeyPath): Position | undefined
  /** Whether the key defines an anchor that is used elsewhere in the file. */
  holdsAnchor(path: KeyPath): boolean
}

type Env = Readonly<Record<string, string | undefined>>

/**
 * Parses YAML as Go's yaml.v3 does and expands `${VAR}` in every value. A value that consists of one reference gets the
 * type of the expanded text, so that `port: ${PORT}` is a number.
 * @throws ProblemsError with the position of invalid YAML, a repeated key or an unset variable
 */
export function readDocument(text: string, env: Env): ConfigDocument {
  const { documents, at } = parse(text)
  const [document, next] = documents
  if (document === undefined) {
    return { value: {}, warnings: [], position: () => undefined, holdsAnchor: () => false }
  }
  const errors = oneErrorPerCause(document.errors)
  if (errors.length > 0) {
    throw new ProblemsError(
      errors.map((error) => ({
        severity: 'error',
        path: [],
        message: messageOf(error),
        ...at(error.pos[0]),
      })),
    )
  }
  const fault = findAliasFault(document)
  if (fault !== undefined) {
    throw new ProblemsError([{ severity: 'error', path: [], message: fault.message, ...at(fault.offset) }])
  }
  const complexKey = findComplexKey(document)
  if (complexKey !== undefined) {
    const message = 'a key must be a single value, not a list or a mapping'
    throw new ProblemsError([{ severity: 'error', path: [], message, ...at(complexKey) }])
  }
  const unset = expandReferences(document, env)
  if (unset.length > 0) {
    const value = document.toJS({ maxAliasCount: -1 })
    throw new ProblemsError(
      unset.map(({ offset, ...problem }) => ({ ...problem, ...at(offset) })),
      value,
    )
  }
  const warnings: Problem[] = []
  if (next !== undefined) {
    const message = 'the file holds several YAML documents; only the first is read'
    warnings.push({ severity: 'warning', path: [], message, ...at(next.range[0]) })
  }
  return {
    value: document.toJS({ maxAliasCount: -1 }) ?? {},
    warnings,
    position(path) {
      for (let length = path.length; length > 0; length--) {
        const offset = keyOffset(nodeAt(document, path.slice(0, length - 1)), path[length - 1])
        if (offset !== undefined) return at(offset)
      }
      return undefined
    },
    holdsAnchor(path) {
      const node = nodeAt(document, path)
      return isNode(node) && isAnchorHolder(document, node)
    },
  }
}

function parse(text: string): {
  documents: readonly Document.Parsed[]
  at: (offset: number) => Position
} {
  const first = parseText(text)
  const isFlowIndent = first.documents[0]?.errors.some(
    ({ code, message }) => code === 'BAD_INDENT' && message.startsWith('Flow '),
  )
  if (!isFlowIndent) return first
  const { text: indented, shifts } = indentFlowLines(text)
  const second = parseText(indented)
  if ((second.documents[0]?.errors.length ?? 0) > 0) return first
  return {
    documents: second.documents,
    at(offset) {
      const { line, column } = second.at(offset)
      return { line, column: Math.max(1, column - (shifts[line - 1] ?? 0)) }
    },
  }
}

function parseText(text: string) {
  const lines = new LineCounter()
  const options = { lineCounter: lines, uniqueKeys: true, merge: true, logLevel: 'error' } as const
  try {
    const documents = parseAllDocuments(text, options)
    const at = (offset: number): Position => {
      const { line, col } = lines.linePos(offset)
      return { line, column: col }
    }
    return { documents: 'empty' in documents ? [] : documents, at }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new ProblemsError([{ severity: 'error', path: [], message: 'is nested too deeply' }])
  }
}

/** Keeps the first syntax error only, because the parser also reports its consequences. */
function oneErrorPerCause(errors: readonly YAMLError[]): readonly YAMLError[] {
  const [fault] = errors.filter(({ code }) => code !== 'DUPLICATE_KEY')
  return fault === undefined ? errors : [fault]
}

const messages: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: 'this key is repeated in its mapping',
  TAB_AS_INDENT: 'a tab cannot indent; use spaces',
  BAD_ALIAS: 'an alias needs a name: *name',
}

function messageOf({ code, message }: YAMLError): string {
  // The library's message continues with an excerpt, which could contain a secret.
  return messages[code] ?? message.split(/ at line |\n/, 1)[0] ?? 'invalid YAML'
}

/** Offset of a key that is a list or a mapping, which YAML allows. */
function findComplexKey(document: Document.Parsed): number | undefined {
  let offset: number | undefined
  visit(document, {
    Pair(_key, { key }) {
      if (!isNode(key) || !isCollection(isAlias(key) ? key.resolve(document) : key)) return undefined
      offset = key.range?.[0] ?? 0
      return visit.BREAK
    },
  })
  return offset
}

interface UnsetReference extends Problem {
  readonly offset: number
}

/** Expands references in place, and keeps both readings of scalars whose type depends on their key. */
function expandReferences(document: Document.Parsed, env: Env): UnsetReference[] {
  const unset: UnsetReference[] = []
  visit(document, {
    Scalar(key, node, parents) {
      if (key === 'key') return
      const isPlain = node.type === Scalar.PLAIN
      if (typeof node.value !== 'string' || !node.value.includes('$')) {
        if (isPlain) node.value = written(node.value, node.source ?? '')
        return
      }
      const expanded = interpolate(node.value, env)
      if ('variable' in expanded) {
        unset.push({
          severity: 'error',
          path: pathOf(parents, node),
          message: `the environment variable ${expanded.variable} is not set and has no default`,
          offset: node.range?.[0] ?? 0,
        })
        return
      }
      node.value = isPlain && isReference(node.value) ? retype(expanded.text) : expanded.text
    },
  })
  return unset
}

function written(value: unknown, source: string): unknown {
  if (value === null) return value
  return typeof value !== 'string' || isAmbiguous(source) ? new WrittenScalar(value, source) : value
}

/** Parses the expanded text as a plain YAML scalar. */
function retype(text: string): unknown {
  const { errors, contents } = parseDocument(text, { logLevel: 'silent' })
  const isPlain = errors.length === 0 && isScalar(contents) && contents.type === Scalar.PLAIN
  return isPlain && contents.value !== null ? written(contents.value, contents.source ?? text) : text
}

/** The keys that lead to a node. */
function pathOf(parents: readonly unknown[], node: unknown): KeyPath {
  return parents.flatMap((parent, index): (string | number)[] => {
    if (isPair(parent)) return isScalar(parent.key) ? [String(parent.key.value)] : []
    return isSeq(parent) ? [parent.items.indexOf(parents[index + 1] ?? node)] : []
  })
}

function nodeAt(document: Document.Parsed, path: KeyPath): unknown {
  const node: unknown = path.length === 0 ? document.contents : document.getIn(path, true)
  return isAlias(node) ? node.resolve(document) : node
}

function keyOffset(parent: unknown, key: string | number | undefined): number | undefined {
  if (!isCollection(parent)) return undefined
  if (typeof key === 'number') {
    const item = parent.items[key]
    return isNode(item) ? item.range?.[0] : undefined
  }
  for (const pair of parent.items) {
    const name = isPair(pair) ? pair.key : undefined
    if (isScalar(name) && String(name.value) === key) return name.range?.[0]
  }
  return undefined
}
