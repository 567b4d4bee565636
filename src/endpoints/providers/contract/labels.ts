const settingLabels = ['type', 'weight', 'priority', 'tags']

/**
 * Settings of an endpoint from texts: labels of targets, containers or services.
 * @param place names a label in an error
 * @throws SyntaxError if a number is none
 */
export function labelSettings(
  labels: Readonly<Record<string, string>>,
  place: (key: string) => string,
): Record<string, unknown> {
  const settings: Record<string, unknown> = {}
  for (const key of settingLabels) {
    const text = labels[key]
    if (text === undefined) continue
    if (key === 'type') settings.type = text
    else if (key === 'tags')
      settings.tags = text
        .split(',')
        .map((tag) => tag.trim())
        .filter((tag) => tag !== '')
    else {
      const number = Number(text)
      if (text.trim() === '' || !Number.isFinite(number) || number < 0)
        throw new SyntaxError(`${place(key)} is not a number`)
      settings[key] = number
    }
  }
  return settings
}
