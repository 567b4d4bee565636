import { type JsonObject, numberField, objectField, textField } from '../../../kernel/json/json-fields.ts'
import type { BlockSequence, ToolBlock } from './block-sequence.ts'

/** Maximum number of calls in one answer: models make a few, and agents accept no more (OpenAI's limit for tools). */
const maxCalls = 128
/** Maximum number of indices and IDs that identify calls. */
const maxKeys = 2 * maxCalls
/** Longest name. Names arrive in parts, and no tool has a longer one. */
const maxNameLength = 512

interface CallDelta {
  readonly index: number | undefined
  /** '' if there is none. */
  readonly id: string
  readonly name: string
  readonly args: string
}

/**
 * Assigns the deltas of an answer to tool calls. In a whole message each element is a call of its own. In a stream the
 * index decides, else the ID. If a server sends neither, or the same for every call, a name after complete arguments
 * starts another call (vercel/ai#18440, langchain-ai/langchain#40594).
 */
export class ToolCalls {
  readonly #blocks: BlockSequence
  readonly #toolNames: readonly string[]
  #byIndex: Map<number, ToolBlock> | undefined
  #byId: Map<string, ToolBlock> | undefined
  #last: ToolBlock | undefined
  #count = 0
  #known: Set<string> | undefined

  /** @param toolNames names of the request's tools, to distinguish a name in parts from two names */
  constructor(blocks: BlockSequence, toolNames: readonly string[]) {
    this.#blocks = blocks
    this.#toolNames = toolNames
  }

  /** Whether the answer has more calls, or a longer name, than a client could use. */
  get isOverLimit(): boolean {
    return this.#count > maxCalls || (this.#last?.name.length ?? 0) > maxNameLength
  }

  /** Adds a call of a whole message. @returns the length of its arguments */
  pushWhole(call: JsonObject): number {
    const { id, name, args } = readDelta(call)
    this.#blocks.appendArguments(this.#start(id, name), args)
    return args.length
  }

  /** Adds a delta of a stream. @returns the length of its arguments */
  pushDelta(call: JsonObject): number {
    const delta = readDelta(call)
    const block = this.#find(delta)
    this.#last = block
    // A call may arrive under ever new indices and IDs.
    if (delta.index !== undefined) {
      this.#byIndex ??= new Map()
      if (this.#byIndex.size < maxKeys) this.#byIndex.set(delta.index, block)
    }
    if (delta.id !== '') {
      this.#byId ??= new Map()
      if (this.#byId.size < maxKeys) this.#byId.set(delta.id, block)
    }
    if (delta.args !== '') this.#blocks.appendArguments(block, delta.args)
    return delta.args.length
  }

  #start(id: string, name: string): ToolBlock {
    this.#count++
    return this.#blocks.startCall(id, name)
  }

  #find(delta: CallDelta): ToolBlock {
    const { id, name } = delta
    const current = this.#current(delta)
    if (current === undefined || this.#startsAnother(current, delta)) return this.#start(id, name)
    if (current.id === '') current.id = id
    if (name !== '' && name !== current.name && (current.name === '' || !current.args.isFlowing))
      current.name = joinedName(current.name, name)
    return current
  }

  /** The call that a delta continues, unless the delta turns out to start another one. */
  #current({ index, id, name }: CallDelta): ToolBlock | undefined {
    const byIndex = index === undefined ? undefined : this.#byIndex?.get(index)
    if (byIndex !== undefined) return byIndex
    const byId = id === '' ? undefined : this.#byId?.get(id)
    // A delta without a name starts no call, whatever its index or ID.
    if (name === '') return byId ?? this.#last
    return index === undefined ? (byId ?? (id === '' ? this.#last : undefined)) : undefined
  }

  #startsAnother(current: ToolBlock, { id, name, args }: CallDelta): boolean {
    if (name === '' || current.name === '') return false
    const { args: known } = current
    const hasBegun = !known.isBlank && !known.isComplete
    if (id !== '' && current.id !== '' && id !== current.id) return !(hasBegun && name === current.name)
    if (known.isComplete) {
      if (name !== current.name) return true
      if (id === '') return args.trim() !== ''
      // The same call again (vllm-project/vllm#51697), or another one to which the model gave the same ID.
      return args.trim() !== '' && known.isFlowing && !known.repeats(args)
    }
    if (name === current.name) return false
    return hasBegun || this.#isComplete(current.name, name)
  }

  /** Whether a name is already a tool's name, so that another name starts another call. */
  #isComplete(name: string, next: string): boolean {
    if (name === '' || this.#toolNames.length === 0 || next.startsWith(name)) return false
    this.#known ??= new Set(this.#toolNames)
    return !this.#known.has(name + next) && this.#known.has(name)
  }
}

/** Servers send a name in parts, or all of it known so far with each delta. */
function joinedName(known: string, next: string): string {
  return next.startsWith(known) ? next : known + next
}

function readDelta(call: JsonObject): CallDelta {
  const inner = objectField(call, 'function') ?? call
  const { arguments: given } = inner
  return {
    index: numberField(call, 'index') ?? indexText(call),
    id: textField(call, 'id') ?? numberField(call, 'id')?.toString() ?? '',
    name: textField(inner, 'name') ?? '',
    args:
      typeof given === 'string' ? given : given === undefined || given === null ? '' : JSON.stringify(given),
  }
}

/** Some servers send the index as a string. */
function indexText(call: JsonObject): number | undefined {
  const text = textField(call, 'index')
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) : undefined
}
