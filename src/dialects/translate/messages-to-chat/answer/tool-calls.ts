import { type JsonObject, numberField, objectField, textField } from '../../../../kernel/json/json-fields.ts'
import type { BlockSequence, ToolBlock } from './block-sequence.ts'

/** Calls of one answer: models make a few, and what runs them takes no more (OpenAI's limit for tools). */
const mostCalls = 128
/** Indices and IDs that calls are found again by. */
const mostKeys = 2 * mostCalls
/** Names come in pieces: what is longer is no tool's. */
const longestName = 512

interface Piece {
  readonly index: number | undefined
  /** '' where there is none. */
  readonly id: string
  readonly name: string
  readonly args: string
}

/**
 * Tells which pieces of an answer belong to which tool call. In a whole message each element is a call of its
 * own. In a stream the index decides, else the ID; where servers send neither, or the same for every call, a
 * name behind complete arguments begins another one (vercel/ai#18440, langchain-ai/langchain#40594).
 */
export class ToolCalls {
  readonly #blocks: BlockSequence
  readonly #toolNames: readonly string[]
  readonly #byIndex = new Map<number, ToolBlock>()
  readonly #byId = new Map<string, ToolBlock>()
  #last: ToolBlock | undefined
  #count = 0
  #known: Set<string> | undefined

  /** @param toolNames names that the request offers: they tell a name in pieces from two names */
  constructor(blocks: BlockSequence, toolNames: readonly string[]) {
    this.#blocks = blocks
    this.#toolNames = toolNames
  }

  /** Whether the answer has more calls, or a longer name, than any that a client could use. */
  get isTooMany(): boolean {
    return this.#count > mostCalls || (this.#last?.name.length ?? 0) > longestName
  }

  /** A call of a whole message. @returns how many characters its arguments have */
  whole(call: JsonObject): number {
    const { id, name, args } = readPiece(call)
    this.#blocks.callPiece(this.#start(id, name), args)
    return args.length
  }

  /** A piece out of a stream. @returns how many characters of arguments it has */
  piece(call: JsonObject): number {
    const piece = readPiece(call)
    const block = this.#find(piece)
    this.#last = block
    // A call may come under ever new indices and IDs.
    if (piece.index !== undefined && this.#byIndex.size < mostKeys) this.#byIndex.set(piece.index, block)
    if (piece.id !== '' && this.#byId.size < mostKeys) this.#byId.set(piece.id, block)
    if (piece.args !== '') this.#blocks.callPiece(block, piece.args)
    return piece.args.length
  }

  #start(id: string, name: string): ToolBlock {
    this.#count++
    return this.#blocks.startCall(id, name)
  }

  #find(piece: Piece): ToolBlock {
    const { id, name } = piece
    const current = this.#current(piece)
    if (current === undefined || this.#isAnother(current, piece)) return this.#start(id, name)
    if (current.id === '') current.id = id
    if (name !== '' && name !== current.name && (current.name === '' || !current.args.isFlowing))
      current.name = joined(current.name, name)
    return current
  }

  /** The call that a piece continues, unless it turns out to begin another one. */
  #current({ index, id, name }: Piece): ToolBlock | undefined {
    const byIndex = index === undefined ? undefined : this.#byIndex.get(index)
    if (byIndex !== undefined) return byIndex
    const byId = id === '' ? undefined : this.#byId.get(id)
    // A piece without a name begins nothing, whatever its index or its ID says.
    if (name === '') return byId ?? this.#last
    return index === undefined ? (byId ?? (id === '' ? this.#last : undefined)) : undefined
  }

  #isAnother(current: ToolBlock, { id, name, args }: Piece): boolean {
    if (name === '' || current.name === '') return false
    const { args: known } = current
    const hasBegun = !known.isBlank && !known.isComplete
    if (id !== '' && current.id !== '' && id !== current.id) return !(hasBegun && name === current.name)
    if (known.isComplete) {
      if (name !== current.name) return true
      if (id === '') return args.trim() !== ''
      // The same call once more (vllm-project/vllm#51697), or another one that the model gave the same ID.
      return args.trim() !== '' && known.isFlowing && !known.repeats(args)
    }
    if (name === current.name) return false
    return hasBegun || this.#isComplete(current.name, name)
  }

  /** Whether a name is the name of a tool already, so that another name begins another call. */
  #isComplete(name: string, next: string): boolean {
    if (name === '' || this.#toolNames.length === 0 || next.startsWith(name)) return false
    this.#known ??= new Set(this.#toolNames)
    return !this.#known.has(name + next) && this.#known.has(name)
  }
}

/** Names come in pieces, or from one piece to the next as far as they are known. */
function joined(known: string, next: string): string {
  return next.startsWith(known) ? next : known + next
}

function readPiece(call: JsonObject): Piece {
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

/** Some servers write the index as a text. */
function indexText(call: JsonObject): number | undefined {
  const text = textField(call, 'index')
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) : undefined
}
