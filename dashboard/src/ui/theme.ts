import { signal } from '@preact/signals'

export const themes = ['auto', 'light', 'dark'] as const
export type Theme = (typeof themes)[number]

/** Olla's key: a reader's choice holds for both. */
const storageKey = 'olla-theme'

export const theme = signal<Theme>(storedTheme())

export function chooseTheme(next: Theme): void {
  theme.value = next
  if (next === 'auto') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = next
  try {
    localStorage.setItem(storageKey, next)
  } catch {
    // Storage may be switched off: the choice holds until the page is closed.
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
