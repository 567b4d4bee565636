/** Whether a model is known to think, by its server's report or by its name. */
export function isThinker(model: string, capabilities: readonly string[] | undefined): boolean {
  return (
    capabilities?.some((each) => each === 'thinking' || each === 'reasoning') === true ||
    /gpt-oss/i.test(model)
  )
}
