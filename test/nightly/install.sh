#!/usr/bin/env bash
# Installs the clients that the nightly run drives: some 700 MB from npm, and Ollama's where Go is there.
set -euo pipefail
cd "$(dirname "$0")"
npm install --prefix .clients --no-audit --no-fund --no-save @anthropic-ai/claude-code@2.1.197 @openai/codex@0.171.0
node .clients/node_modules/@anthropic-ai/claude-code/install.cjs
if ! command -v go >/dev/null; then
  echo "no Go here: the nightly run does without Ollama's clients"
  exit 0
fi
bin="$PWD/.clients/bin"
mkdir -p "$bin"
# The agent loop of a recent CLI. The whole CLI cannot be built of the module, which lacks the headers of its engine.
agent=$(mktemp -d)
trap 'rm -rf "$agent"' EXIT
cp ollama-agent/main.go "$agent"
(
  cd "$agent"
  go mod init ollama-agent
  go get github.com/ollama/ollama@v0.17.4
  go mod tidy
  CGO_ENABLED=0 go build -o "$bin/ollama-agent" .
) >/dev/null 2>&1
# The last CLI that can; it compiles its engine, which takes a quarter of an hour. OLLA_NIGHTLY_OLLAMA names another one.
if [ -z "${OLLA_NIGHTLY_OLLAMA:-}" ]; then
  GOBIN="$bin" go install github.com/ollama/ollama@v0.5.7
fi
