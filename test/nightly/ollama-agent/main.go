// Runs the agent loop of Ollama's CLI (`ollama run --experimental`), which needs no inference engine to be built.
package main

import (
	"fmt"
	"os"

	"github.com/ollama/ollama/x/cmd"
	"github.com/spf13/cobra"
)

func main() {
	command := &cobra.Command{
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			return cmd.GenerateInteractive(command, args[0], false, nil, nil, false, nil, true, false)
		},
	}
	if err := command.Execute(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
