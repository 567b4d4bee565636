import type { RequestContext } from '../contract/context.ts'

/** What building an attempt's request notes in the request's record. */
export interface FormNotes {
  readonly headers: readonly string[]
  readonly translation: RequestContext['translation']
  readonly isStreamedUpstream: RequestContext['isStreamedUpstream']
}

/** Two attempts of a request share its record, which must describe the one that answers. */
export function readNotes({ headers, translation, isStreamedUpstream }: RequestContext): FormNotes {
  return { headers: [...headers], translation, isStreamedUpstream }
}

export function writeNotes(context: RequestContext, notes: FormNotes): void {
  context.headers.splice(0, context.headers.length, ...notes.headers)
  context.translation = notes.translation
  context.isStreamedUpstream = notes.isStreamedUpstream
}
