import { isObject, type JsonObject, numberField, textField } from '../../../kernel/json/json-fields.ts'
import { parseLossless } from '../../../kernel/json/lossless.ts'
import { type AnswerAssembler, endedEarly } from '../../assembly/assembly-form.ts'
import { isDropped, isGrowing, type Merged, mergeDelta, readEvent } from '../../assembly/merge.ts'
import { type BadAnswer, errorIn } from '../../errors/bad-answer.ts'

interface GrowingBlock {
  readonly fields: Merged
  /** The input of a tool, as JSON text. */
  input: string
}

const noObject: JsonObject = {}

/** Assembles a message from the events of Anthropic's streams. */
export class MessageAssembly implements AnswerAssembler {
  #message: Merged | undefined
  readonly #blocks = new Map<number, GrowingBlock>()
  #isComplete = false
  heldBytes = 0
  readonly lacksUsage = false

  push(data: Buffer, name: string): BadAnswer | undefined {
    const text = data.toString('utf8').trim()
    if (text === '' || text === '[DONE]' || this.#isComplete) return undefined
    const read = readEvent(text)
    if ('bad' in read) return read.bad
    const { value } = read
    switch (textField(value, 'type') ?? name) {
      case 'message_start':
        this.#message = isGrowing(value.message) ? value.message : undefined
        this.heldBytes += data.length
        return undefined
      case 'content_block_start':
        return this.#start(value, data.length)
      case 'content_block_delta':
        return this.#delta(value, data.length)
      case 'message_delta':
        return this.#end(value)
      case 'message_stop':
        this.#isComplete = true
        return undefined
      case 'content_block_stop':
      case 'ping':
        return undefined
      default:
        return errorIn(text)
    }
  }

  end(model: string | undefined): Buffer | BadAnswer {
    const message = this.#message
    if (message === undefined || !this.#isComplete) return endedEarly
    if (model !== undefined && typeof message.model === 'string') message.model = model
    try {
      const blocks = [...this.#blocks.entries()].sort(([a], [b]) => a - b)
      message.content = blocks.map(([, block]) => wholeBlock(block, message.stop_reason !== 'tool_use'))
    } catch (error) {
      if (error instanceof SyntaxError) return { reason: 'the input of a tool call is not JSON' }
      throw error
    }
    return Buffer.from(JSON.stringify(message))
  }

  #start(event: JsonObject, bytes: number): BadAnswer | undefined {
    const { content_block: block } = event
    if (!isGrowing(block)) return { reason: 'a block without content' }
    this.#blocks.set(numberField(event, 'index') ?? this.#blocks.size, { fields: block, input: '' })
    this.heldBytes += bytes
    return undefined
  }

  #delta(event: JsonObject, bytes: number): BadAnswer | undefined {
    const block = this.#blocks.get(numberField(event, 'index') ?? this.#blocks.size - 1)
    if (block === undefined || !isObject(event.delta)) return { reason: 'a delta without its block' }
    const { type, ...delta } = event.delta
    const { fields } = block
    switch (type) {
      case 'input_json_delta':
        block.input += textField(delta, 'partial_json') ?? ''
        this.heldBytes += textField(delta, 'partial_json')?.length ?? 0
        return undefined
      case 'citations_delta':
        if (Array.isArray(fields.citations)) fields.citations.push(delta.citation)
        else fields.citations = [delta.citation]
        this.heldBytes += bytes
        return undefined
      case 'signature_delta':
        fields.signature = `${textField(fields, 'signature') ?? ''}${textField(delta, 'signature') ?? ''}`
        this.heldBytes += bytes
        return undefined
      default:
        this.heldBytes += mergeDelta(fields, delta) ?? bytes
        return undefined
    }
  }

  /** Why the message ends, and the usage, of which each event reports the sum so far. */
  #end({ delta, usage, type: _type, ...others }: JsonObject): undefined {
    const message = this.#message
    if (message === undefined) return
    for (const each of [isObject(delta) ? delta : noObject, others]) {
      for (const key in each) if (!isDropped(key)) message[key] = each[key]
    }
    if (!isObject(usage)) return
    const known = isGrowing(message.usage) ? message.usage : {}
    for (const key in usage) {
      if (!isDropped(key) && (usage[key] !== null || known[key] === undefined)) known[key] = usage[key]
    }
    message.usage = known
  }
}

/** @throws SyntaxError if the input is not JSON */
/** @param mayBeCut whether the answer may have ended inside a call; its input is then empty, as in a whole answer */
function wholeBlock({ fields, input }: GrowingBlock, mayBeCut: boolean): Merged {
  if (input.trim() === '') return fields
  try {
    return { ...fields, input: parseLossless(input) }
  } catch (error) {
    if (mayBeCut && error instanceof SyntaxError) return { ...fields, input: {} }
    throw error
  }
}
