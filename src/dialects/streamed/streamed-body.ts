import { type BodyEdit, editBody } from '../../kernel/json/body-edit.ts'
import { BodyMembers } from '../../kernel/json/body-members.ts'
import type { JsonSpan } from '../../kernel/json/json-bytes.ts'
import { KeyNames } from '../../kernel/json/key-names.ts'
import type { AssemblyForm } from '../assembly/assembly-form.ts'

type Key = 'stream' | 'options' | 'excluded'

const tables = new WeakMap<AssemblyForm, KeyNames<Key>>()
const usageOptions = '{"include_usage":true}'
/** Values that have no effect, without white space. */
const noEffect: ReadonlySet<string> = new Set(['null', 'false', '""', '[]', '{}'])
/** Values longer than this have an effect. */
const maxBlankLength = 64

/**
 * The body of a request that asks for no stream, changed to ask for one; every other byte stays as it is.
 * @returns undefined if the body already asks for a stream, or for what a stream does not show in full
 */
export function streamedBody(body: Buffer, form: AssemblyForm): Buffer | undefined {
  const members = new BodyMembers(body)
  const names = tableOf(form)
  let stream: JsonSpan | undefined
  let options: JsonSpan | undefined
  while (members.next()) {
    const key = members.find(names)
    if (key === undefined) continue
    const span = { start: members.start, end: members.end }
    if (key === 'stream') stream = span
    else if (hasEffect(body, span)) return undefined
    else if (key === 'options') options = span
  }
  const { end } = members
  if (!members.isWhole || end === 0) return undefined
  const edits = streamEdits(body, form, stream, end)
  if (edits === undefined) return undefined
  if (form.requestsUsage) {
    edits.push(
      options === undefined
        ? { start: end, end, text: `,"stream_options":${usageOptions}` }
        : { ...options, text: usageOptions },
    )
  }
  return editBody(body, edits)
}

function streamEdits(
  body: Buffer,
  { streamsByDefault }: AssemblyForm,
  stream: JsonSpan | undefined,
  end: number,
): BodyEdit[] | undefined {
  if (stream === undefined) {
    return streamsByDefault ? undefined : [{ start: end, end, text: ',"stream":true' }]
  }
  const value = body.toString('latin1', stream.start, Math.min(stream.end, stream.start + maxBlankLength))
  const isOff = value === 'false' || (value === 'null' && !streamsByDefault)
  return isOff ? [{ ...stream, text: 'true' }] : undefined
}

function hasEffect(body: Buffer, { start, end }: JsonSpan): boolean {
  if (end - start > maxBlankLength) return true
  return !noEffect.has(body.toString('latin1', start, end).replace(/\s/g, ''))
}

function tableOf(form: AssemblyForm): KeyNames<Key> {
  let table = tables.get(form)
  if (table === undefined) {
    table = new KeyNames<Key>([
      ...form.excludes.map((key): [string, Key] => [key, 'excluded']),
      ['stream', 'stream'],
      ['stream_options', 'options'],
    ])
    tables.set(form, table)
  }
  return table
}
