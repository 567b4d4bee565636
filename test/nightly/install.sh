#!/usr/bin/env bash
# Installs the agents that the nightly run drives: some 700 MB from npm, and the Ollama CLI where Go is there.
set -euo pipefail
cd "$(dirname "$0")"
npm install --prefix .clients --no-audit --no-fund --no-save @anthropic-ai/claude-code@2.1.197 @openai/codex@0.171.0
node .clients/node_modules/@anthropic-ai/claude-code/install.cjs
if command -v go >/dev/null; then
  GOBIN="$PWD/.clients/bin" go install github.com/ollama/ollama@v0.5.7
else
  echo "no Go here: the nightly run does without the Ollama CLI"
fi
