"""What every other room stands on: start, failure, files, machine, compiler, draws."""
