"""What the benchmarks share: how figures are told and kept, the machines that are measured, the references."""
