export const FactText = ({ text, none }: { text: string; none: string }) =>
  text === '' ? <span class="muted">{none}</span> : <span class="small break">{text}</span>
