/** Texts that the browser keeps for this tab until it is closed. */

/** @returns '' if there is none, or the browser keeps nothing for this page */
export function readSession(name: string): string {
  try {
    return sessionStorage.getItem(name) ?? ''
  } catch {
    return ''
  }
}

/** @param text '' removes it */
export function writeSession(name: string, text: string): void {
  try {
    if (text === '') sessionStorage.removeItem(name)
    else sessionStorage.setItem(name, text)
  } catch {
    // The text lasts as long as the page.
  }
}
