import { createHash } from 'node:crypto'

const style = `
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; display: grid; min-height: 100vh; place-items: center }
form { display: grid; gap: 0.75rem; width: min(20rem, 90vw) }
h1 { font-size: 1.25rem; margin: 0 }
input, button { font: inherit; padding: 0.5rem }
[role='alert'] { margin: 0; font-weight: 600 }
`

/** Allows the page's only style, by its hash, and no scripts. */
export const loginPolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** The form for the admin token. */
export function loginPage(problem?: string): string {
  const alert = problem === undefined ? '' : `<p role="alert">${problem}</p>`
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Log in – olla-gateway</title>
<style>${style}</style></head>
<body><main><form method="post" action="login"><h1>olla-gateway</h1>${alert}
<label for="token">Admin token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button>Log in</button></form></main></body>
</html>
`
}
