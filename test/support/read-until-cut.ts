/** What came of an answer before its connection was cut, or all of it. */
export async function readUntilCut(response: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  try {
    for await (const chunk of response.body ?? []) text += decoder.decode(chunk, { stream: true })
  } catch {
    // Cut off: that is how a broken answer ends.
  }
  return text
}
