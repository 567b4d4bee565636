import { randomUUID } from 'node:crypto'
import { isObject, type JsonObject, textField } from '../../../kernel/json/json-fields.ts'
import { type Merged, mergeDelta } from '../../assembly/merge.ts'
import { CallArguments } from '../../hub/answer/call-arguments.ts'

interface GrowingCall {
  readonly index: number
  /** Members besides the ID and the function. */
  readonly fields: Merged
  /** Members of the function besides its name and arguments. */
  readonly inner: Merged
  /** Recognizes complete arguments. */
  readonly known: CallArguments
  id: string
  name: string
  args: string
}

const callKeys: ReadonlySet<string> = new Set(['index', 'id', 'function', 'name', 'arguments'])
const innerKeys: ReadonlySet<string> = new Set(['name', 'arguments'])
/** Indices and IDs that identify calls: models make a few. */
const maxKeys = 256
const idLength = 24

/**
 * Assembles the tool calls of a message from the deltas of a stream. The index decides which call a delta continues, else
 * the ID. If a server sends neither, or the same for every call, a name after complete arguments starts another call.
 */
export class CallAssembly {
  readonly #calls: GrowingCall[] = []
  readonly #byIndex = new Map<number, GrowingCall>()
  readonly #byId = new Map<string, GrowingCall>()

  /** @returns the characters added */
  push(delta: JsonObject): number {
    const inner = isObject(delta.function) ? delta.function : delta
    const index = indexOf(delta)
    const id = textField(delta, 'id') ?? ''
    const name = textField(inner, 'name') ?? ''
    const args = argumentText(inner.arguments)
    const call = this.#find(index, id, name, args)
    if (index !== undefined && this.#byIndex.size < maxKeys) this.#byIndex.set(index, call)
    if (id !== '' && this.#byId.size < maxKeys) this.#byId.set(id, call)
    if (args !== '') {
      call.known.push(args)
      call.args += args
    }
    const more = mergeDelta(call.fields, delta, callKeys) ?? 0
    const others = inner === delta ? 0 : (mergeDelta(call.inner, inner, innerKeys) ?? 0)
    return id.length + name.length + args.length + more + others
  }

  end(): JsonObject[] {
    return this.#calls.sort((a, b) => a.index - b.index).map(wholeCall)
  }

  #find(index: number | undefined, id: string, name: string, args: string): GrowingCall {
    const current = this.#current(index, id, name)
    if (current === undefined || startsAnother(current, id, name, args)) {
      const { length } = this.#calls
      const at = index ?? length
      const call = { index: at, fields: {}, inner: {}, known: new CallArguments(), id, name, args: '' }
      this.#calls.push(call)
      return call
    }
    if (current.id === '') current.id = id
    // A name arrives in parts, or all of it so far with each delta.
    if (name !== '' && current.args === '')
      current.name = name.startsWith(current.name) ? name : current.name + name
    return current
  }

  #current(index: number | undefined, id: string, name: string): GrowingCall | undefined {
    const byIndex = index === undefined ? undefined : this.#byIndex.get(index)
    if (byIndex !== undefined) return byIndex
    const byId = id === '' ? undefined : this.#byId.get(id)
    const last = this.#calls.at(-1)
    // A delta without a name starts no call, whatever its index or ID.
    if (name === '') return byId ?? last
    return index === undefined ? (byId ?? (id === '' ? last : undefined)) : undefined
  }
}

function startsAnother(current: GrowingCall, id: string, name: string, args: string): boolean {
  if (name === '' || current.name === '') return false
  const { known } = current
  const hasBegun = !known.isBlank && !known.isComplete
  if (id !== '' && current.id !== '' && id !== current.id) return !(hasBegun && name === current.name)
  if (known.isComplete) return name !== current.name || (args.trim() !== '' && !known.repeats(args))
  return hasBegun && name !== current.name
}

function wholeCall({ id, name, args, fields, inner }: GrowingCall): JsonObject {
  const { type, ...others } = fields
  const head = { id: id === '' ? `call_${randomUUID().replaceAll('-', '').slice(0, idLength)}` : id }
  // A call of a custom tool has its own member instead of a function.
  if (name === '' && args === '' && typeof type === 'string' && isObject(others[type]))
    return { ...head, type, ...others }
  return { ...head, type: type ?? 'function', function: { name, arguments: args, ...inner }, ...others }
}

/** Some servers send the arguments as an object. */
export function argumentText(value: unknown): string {
  if (typeof value === 'string') return value
  return value === undefined || value === null ? '' : JSON.stringify(value)
}

function indexOf({ index }: JsonObject): number | undefined {
  if (typeof index === 'number') return index
  return typeof index === 'string' && /^\d{1,6}$/.test(index) ? Number(index) : undefined
}
