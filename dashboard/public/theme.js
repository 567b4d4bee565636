// Before the first paint, so that a chosen theme does not flash; a file of its own because nothing may be inline.
try {
  const theme = localStorage.getItem('olla-theme')
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
} catch {
  // Storage may be switched off: the system's theme it is.
}
