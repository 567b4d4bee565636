import './styles/tokens.css'
import './styles/base.css'
import './styles/layout.css'
import './styles/controls.css'
import './styles/marks.css'
import './styles/tables.css'
import './styles/panels.css'
import './styles/views.css'
import './styles/requests.css'
import './styles/playground.css'
import { render } from 'preact'
import { App } from './frame/app.tsx'
import { start } from './live/gateway.ts'

const root = document.getElementById('app')
if (root === null) throw new Error('the page has no #app')
root.replaceChildren()
render(<App />, root)
start()
