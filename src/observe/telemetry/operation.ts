/** What is asked of a model (OpenTelemetry semantic conventions, `gen_ai.operation.name`). */
export type GenAiOperation = 'chat' | 'text_completion' | 'embeddings'

const endings: readonly (readonly [string, GenAiOperation])[] = [
  ['/chat/completions', 'chat'],
  ['/messages', 'chat'],
  ['/responses', 'chat'],
  ['/api/chat', 'chat'],
  ['/completions', 'text_completion'],
  ['/completion', 'text_completion'],
  ['/api/generate', 'text_completion'],
  ['/embeddings', 'embeddings'],
  ['/api/embed', 'embeddings'],
]

/** @returns undefined where no model is asked to generate or embed */
export function operationOf(path: string): GenAiOperation | undefined {
  return endings.find(([ending]) => path.endsWith(ending))?.[1]
}
