import { type Document, isAlias, isCollection, isMap, isNode, isPair, isScalar, isSeq, type Node } from 'yaml'

/** Maximum nodes of a document with expanded aliases; 1,000 endpoints need about 20,000. */
const maxNodes = 500_000

export interface AliasFault {
  readonly message: string
  /** Position of the alias. */
  readonly offset: number
}

/**
 * Checks that every alias has an anchor, that merge keys have mappings, and that the expanded document stays small:
 * nested aliases grow exponentially (the "billion laughs").
 */
export function findAliasFault(document: Document.Parsed): AliasFault | undefined {
  const anchors = new Map<string, unknown>()
  const sizes = new Map<unknown, number>()
  const open = new Set<unknown>()
  let fault: AliasFault | undefined

  // In document order: an alias refers to the last preceding anchor of its name.
  function sizeOf(node: unknown): number {
    if (fault !== undefined) return 0
    if (isPair(node)) {
      const size = sizeOf(node.key) + sizeOf(node.value)
      if (isMergeKey(node.key) && !canMerge(node.value) && fault === undefined) {
        fault = {
          message: 'a merge key (<<) needs a mapping, or the alias of one',
          offset: offsetOf(node.key),
        }
      }
      return size
    }
    if (!isNode(node)) return 1
    if (isAlias(node)) return aliasSize(node.source, node.range?.[0] ?? 0)
    if (node.anchor !== undefined) anchors.set(node.anchor, node)
    if (!isCollection(node)) return 1
    open.add(node)
    let size = 1
    for (const item of node.items) size = Math.min(maxNodes, size + sizeOf(item))
    open.delete(node)
    sizes.set(node, size)
    return size
  }

  function aliasSize(name: string, offset: number): number {
    const target = anchors.get(name)
    if (target === undefined) fault = { message: `unknown anchor "${name}"`, offset }
    else if (open.has(target)) fault = { message: `the anchor "${name}" contains itself`, offset }
    else {
      total += sizes.get(target) ?? 1
      if (total >= maxNodes) fault = { message: 'too many aliases', offset }
    }
    return sizes.get(target) ?? 1
  }

  function canMerge(value: unknown): boolean {
    const source = isAlias(value) ? anchors.get(value.source) : value
    if (isMap(source)) return true
    return (
      isSeq(source) && source.items.every((item) => isMap(isAlias(item) ? anchors.get(item.source) : item))
    )
  }

  let total = 0
  sizeOf(document.contents)
  return fault
}

/** Whether a key is `<<` as the parser's merge tag resolves it; a quoted `<<` is an ordinary key. */
function isMergeKey(key: unknown): boolean {
  return isScalar(key) && typeof key.value === 'symbol'
}

function offsetOf(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? 0) : 0
}

/** Whether a part of a document defines an anchor that an alias outside of it uses. */
export function isAnchorHolder(document: Document.Parsed, part: Node): boolean {
  const anchors = new Set<string>()
  const inside = new Set<unknown>()
  walk(part, (node) => {
    inside.add(node)
    if (!isAlias(node) && node.anchor !== undefined) anchors.add(node.anchor)
  })
  if (anchors.size === 0) return false
  let isUsed = false
  walk(document.contents, (node) => {
    if (isAlias(node) && anchors.has(node.source) && !inside.has(node)) isUsed = true
  })
  return isUsed
}

function walk(node: unknown, see: (node: Node) => void): void {
  if (isPair(node)) {
    walk(node.key, see)
    walk(node.value, see)
    return
  }
  if (!isNode(node)) return
  see(node)
  if (isCollection(node)) for (const item of node.items) walk(item, see)
}
