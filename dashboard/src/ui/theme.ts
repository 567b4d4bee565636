import { signal } from '@preact/signals'

export const themes = ['auto', 'light', 'dark'] as const
export type Theme = (typeof themes)[number]

/** Olla's key: a user's choice applies to both. */
const storageKey = 'olla-theme'

export const theme = signal<Theme>(storedTheme())

export function chooseTheme(next: Theme): void {
  theme.value = next
  if (next === 'auto') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = next
  try {
    localStorage.setItem(storageKey, next)
  } catch {
    // Storage may be disabled: the choice then lasts until the page closes.
  }
}

function storedTheme(): Theme {
  try {
    const stored = localStorage.getItem(storageKey)
    return themes.find((each) => each === stored) ?? 'auto'
  } catch {
    return 'auto'
  }
}
